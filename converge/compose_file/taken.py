"""Makes entries of [infra] from the image services of the Compose files that `[compose]` names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from converge.compose_file import body, entry, team, top, verdicts
from converge.compose_file.composed import Composed, Container
from converge.compose_file.document import Document
from converge.compose_file.entry import Entry
from converge.compose_file.team import Team
from converge.compose_file.verdicts import Note
from converge.errors import DevError
from converge.files_read import FilesRead
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


def lay(tree: dict[str, Any], lines: dict[str, str], files: FilesRead) -> Composed | None:
    """Lay an entry of [infra] under each that is declared for a service, or make one; None without [compose].

    DevError with `file:line`. Values of a wrong type are left to the check of types.
    """
    table = tree.get("compose")
    if not isinstance(table, dict):
        return None
    if isinstance(table.get("file"), str):
        table["file"] = [table["file"]]
    if not all(_texts(table.get(key, [])) for key in ("file", "profiles", "services")) or not table.get("file"):
        return None
    read = team.read(table["file"], lines.get("compose.file", ""), files)
    infra = tree.setdefault("infra", {})
    if not isinstance(infra, dict) or not isinstance(tree.get("services", {}), dict):
        return None
    notes = _notes(read, table, lines)
    names = _names(read, notes, lines, tree.get("services", {}))
    chosen, left = _chosen(read, names, infra, lines, table.get("services"))
    names = {each.service: each.component for each in chosen}
    for each in chosen:
        _lay_under(infra, each, names, lines)
    composed = _composed(read, chosen, names)
    said = (*(note for note in notes if note.because), *left, *_unset(chosen))
    return Composed(composed.containers, composed.top, (*said, *composed.notes))


def component(service: str) -> str:
    """The name of a service as a component: a host name."""
    return re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _notes(read: Team, table: Mapping[str, Any], lines: Mapping[str, str]) -> list[Note]:
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
    known = {str(each) for _, _, service in read.services() for each in service.get("profiles") or ()}
    _known(profiles, {*known, "*"}, "profile", lines.get("compose.profiles", ""))
    return found


def _known(wanted: list[str], known: set[str], what: str, at: str) -> None:
    if unknown := [each for each in wanted if each not in known]:
        there = ", ".join(sorted(known - {"*"})[:20]) or "none"
        because = f"the Compose files have no such {what}; they have: {there}"
        raise refuse("value-wrong", f"there is no {what} {unknown[0]!r}", at, because)


def _names(
    read: Team, notes: list[Note], lines: Mapping[str, str], services: Mapping[str, Any]
) -> dict[str, str]:  # fmt: skip
    """Service that is taken -> its component; DevError where two have one name."""
    taken = {note.key for note in notes if note.verdict == "taken"}
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


def _chosen(
    read: Team, names: Mapping[str, str], infra: Mapping[str, Any], lines: Mapping[str, str], wanted: Any
) -> tuple[list[Chosen], list[Note]]:
    found: list[Chosen] = []
    left: list[Note] = []
    for each, name, table in read.services():
        if name not in names:
            continue
        own = infra.get(names[name], {})
        own = own if isinstance(own, dict) else {}
        for key in entry.THEIRS:
            if key in own:
                because = f"{each.source('services', name)} decides it"
                at = lines.get(f"infra.{names[name]}.{key}", "")
                raise refuse("value-wrong", f"{key} of {names[name]} is in the Compose file", at, because)
        needs = list(dict.fromkeys(names[need] for need in _needs(table) if need in names))
        try:
            found.append(Chosen(each, name, names[name], entry.of(read, each, name, own, needs)))
        except entry.Portless:
            at, because = each.source("services", name), "it publishes no port"
            hint = f"add port and container_port in [infra.{names[name]}]"
            if wanted is not None:
                raise refuse("compose-file", f"{name} cannot be taken", at, because, hint) from None
            left.append(Note("ignored", f"services.{name}", at, f"{because}: {hint}"))
    return found, left


def _needs(table: Mapping[str, Any]) -> list[str]:
    entries = table.get("depends_on") or ()
    return [str(each) for each in entries] if isinstance(entries, (list, dict)) else []


def _lay_under(infra: dict[str, Any], chosen: Chosen, names: Mapping[str, str], lines: dict[str, str]) -> None:
    own = infra.get(chosen.component, {})
    if not isinstance(own, dict):
        return  # the check of types says it
    key = f"infra.{chosen.component}"
    lines.setdefault(key, chosen.found.source("services", chosen.service))
    made = dict(chosen.entry.keys)
    made["needs"] = [need for need in made["needs"] if need in names.values()]
    for word in ("needs", "databases"):
        if _texts(own.get(word)) and word in made:
            own[word] = list(dict.fromkeys([*made[word], *own[word]]))
    if isinstance(own.get("env"), dict):
        own["env"] = {**made["env"], **own["env"]}
    for word, value in made.items():
        if word not in own:
            own[word] = value
            lines.setdefault(f"{key}.{word}", chosen.entry.lines.get(word) or lines[key])
    infra[chosen.component] = own


def _composed(read: Team, chosen: list[Chosen], names: Mapping[str, str]) -> Composed:
    volumes: dict[str, str] = {}
    known = top.table(read, "volumes")
    for each in chosen:
        for name in body.named(each.table):
            if name in known:
                volumes.setdefault(name, f"{each.component}.{name}")  # `data reset` finds it by the component's name
    granted = {key: [name for each in chosen for name in top.grants(each.table, key)] for key in top.GRANTED}
    tables, notes = top.of(read, volumes, granted)
    return Composed({each.component: _container(read, each, names, volumes) for each in chosen}, tables, tuple(notes))


def _container(read: Team, chosen: Chosen, names: Mapping[str, str], volumes: Mapping[str, str]) -> Container:
    def refused(key: str, because: str) -> DevError:
        at = chosen.found.source("services", chosen.service, key)
        return refuse("compose-file", f"services.{chosen.service}.{key} cannot be taken", at, because)

    made = body.of(read, chosen.table, names, volumes, refused)
    if chosen.entry.other:
        made["environment"] = body.doubled(dict(chosen.entry.other))
    if chosen.service != chosen.component:
        network = made.setdefault("networks", {"default": {"aliases": []}})
        network["default"]["aliases"].append(chosen.service)
    if labels := body.labels(chosen.table.get("labels")):
        made["labels"] = labels
    at = chosen.found.source("services", chosen.service)
    return Container(chosen.service, at, made, chosen.entry.more, chosen.entry.alone)


def _unset(chosen: list[Chosen]) -> Iterator[Note]:
    """Variables of taken services that have no value."""
    for each in chosen:
        begin = ("services", each.service)
        for path, names in each.found.unset.items():
            if path[:2] == begin:
                because = f"{' and '.join(dict.fromkeys(names))} is not set in .env: it is empty"
                yield Note("taken", ".".join(map(str, path)), each.found.source(*path), because)
        for name in each.entry.bare:
            at = each.found.source(*begin, "environment")
            yield Note("ignored", f"services.{each.service}.environment.{name}", at, "it has no value here and in .env")
