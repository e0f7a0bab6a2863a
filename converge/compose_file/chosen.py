"""The services of a team's Compose files that become components, and why the others do not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from converge.compose_file import entry, verdicts
from converge.compose_file.document import Document
from converge.compose_file.entry import Entry
from converge.compose_file.team import Team
from converge.compose_file.verdicts import Note
from converge.toml import refuse
from facts.value import dataclass


@dataclass(frozen=True)
class Chosen:
    """One service that is taken."""

    found: Document
    service: str
    component: str
    entry: Entry

    @property
    def table(self) -> dict[str, Any]:
        """Its keys in the file."""
        table: dict[str, Any] = self.found.tree["services"][self.service]
        return table


def notes(read: Team, table: Mapping[str, Any], lines: Mapping[str, str]) -> list[Note]:
    """What becomes of each service and key; DevError for the first that is refused."""
    profiles, wanted = table.get("profiles", []), table.get("services")
    if wanted is not None:
        _known(wanted, {name for _, name, _ in read.services()}, "service", lines.get("compose.services", ""))
    found: list[Note] = []
    for each in read.documents:
        services = each.tree.get("services")
        here = set(services if isinstance(services, dict) else ())
        found += verdicts.of(each, profiles, None if wanted is None else here & set(wanted))
    for note in found:
        if note.verdict == "refused":
            what = f"{note.key[:100]} cannot be taken from the Compose file"
            raise refuse("compose-file", what, note.source, note.because, "[compose] services chooses others")
    lists = [service["profiles"] for _, _, service in read.services() if isinstance(service.get("profiles"), list)]
    known = {str(each) for own in lists for each in own}
    _known(profiles, {*known, "*"}, "profile", lines.get("compose.profiles", ""))
    return found


def _known(wanted: list[str], known: set[str], what: str, at: str) -> None:
    if unknown := [each for each in wanted if each not in known]:
        there = ", ".join(sorted(known - {"*"})[:20]) or "none"
        because = f"the Compose files have no such {what}; they have: {there}"
        raise refuse("value-wrong", f"there is no {what} {unknown[0]!r}", at, because)


def names(
    read: Team, said: list[Note], lines: Mapping[str, str], services: Mapping[str, Any]
) -> dict[str, str]:  # fmt: skip
    """Service that is taken -> its component; DevError where two have one name."""
    taken = {note.key for note in said if note.verdict == "taken"}
    found: dict[str, str] = {}
    places: dict[str, str] = {}
    for each, name, _ in read.services():
        if f"services.{name}" not in taken:
            continue
        at, own = each.source("services", name), component(name)
        if name in places:
            because = f"{places[name]} has it too, and two files are not merged in one service"
            raise refuse("compose-file", f"{name} is there twice", at, because, "write the service in one of them")
        if own in found.values():
            because = "two services would have one host name; case and signs make no difference"
            raise refuse("duplicate-name", f"{own} is declared twice", at, because)
        if own in services:
            hint = "give it another name there, or list the other services in [compose] services"
            because = f"{lines.get(f'services.{own}', '[services]')} declares a service of that name"
            raise refuse("duplicate-name", f"{own} is declared twice", at, because, hint)
        if not own:
            raise refuse("bad-name", f"{name!r} is not a component name", at, "it becomes a host name")
        found[name], places[name] = own, at
    return found


def of(
    read: Team, named: Mapping[str, str], infra: Mapping[str, Any], lines: Mapping[str, str], wanted: Any
) -> tuple[list[Chosen], list[Note]]:
    """Those that are taken, and notes on those that publish no port; `named` has the component of each."""
    found: list[Chosen] = []
    left: list[Note] = []
    for each, name, table in read.services():
        if name not in named:
            continue
        own = infra.get(named[name], {})
        own = own if isinstance(own, dict) else {}
        for key in entry.THEIRS:
            if key in own:
                because = f"{each.source('services', name)} decides it"
                at = lines.get(f"infra.{named[name]}.{key}", "")
                raise refuse("value-wrong", f"{key} of {named[name]} is in the Compose file", at, because)
        needs = list(dict.fromkeys(named[need] for need in _needs(table) if need in named))
        try:
            found.append(Chosen(each, name, named[name], entry.of(read, each, name, own, needs)))
        except entry.Portless:
            at, because = each.source("services", name), "it publishes no port"
            hint = f"add port and container_port in [infra.{named[name]}]"
            if wanted is not None:
                raise refuse("compose-file", f"{name} cannot be taken", at, because, hint) from None
            left.append(Note("ignored", f"services.{name}", at, f"{because}: {hint}"))
    return found, left


def _needs(table: Mapping[str, Any]) -> list[str]:
    entries = table.get("depends_on") or ()
    return [str(each) for each in entries] if isinstance(entries, (list, dict)) else []


def component(service: str) -> str:
    """The name of a service as a component: a host name."""
    return re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-")
