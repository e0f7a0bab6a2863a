"""Makes entries of [infra] from the image services of the Compose files that `[compose]` names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from converge.compose_file import body, chosen, team, top
from converge.compose_file.chosen import Chosen
from converge.compose_file.composed import Composed, Container
from converge.compose_file.team import Team
from converge.compose_file.verdicts import Note
from converge.errors import DevError
from converge.files_read import FilesRead
from converge.toml import refuse


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
    said = chosen.notes(read, table, lines)
    names = chosen.names(read, said, lines, tree.get("services", {}))
    found, left = chosen.of(read, names, infra, lines, table.get("services"))
    names = {each.service: each.component for each in found}
    for each in found:
        _lay_under(infra, each, names, lines)
    composed = _composed(read, found, names)
    said = [*(note for note in said if note.because), *left, *_unset(found)]
    return Composed(composed.containers, composed.top, (*said, *composed.notes))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _lay_under(infra: dict[str, Any], one: Chosen, names: Mapping[str, str], lines: dict[str, str]) -> None:
    own = infra.get(one.component, {})
    if not isinstance(own, dict):
        return  # the check of types says it
    key = f"infra.{one.component}"
    lines.setdefault(key, one.found.source("services", one.service))
    made = dict(one.entry.keys)
    made["needs"] = [need for need in made["needs"] if need in names.values()]
    for word in ("needs", "databases"):
        if _texts(own.get(word)) and word in made:
            own[word] = list(dict.fromkeys([*made[word], *own[word]]))
    if isinstance(own.get("env"), dict):
        own["env"] = {**made["env"], **own["env"]}
    for word, value in made.items():
        if word not in own:
            own[word] = value
            lines.setdefault(f"{key}.{word}", one.entry.lines.get(word) or lines[key])
    infra[one.component] = own


def _composed(read: Team, found: list[Chosen], names: Mapping[str, str]) -> Composed:
    volumes: dict[str, str] = {}
    known = top.table(read, "volumes")
    for each in found:
        for name in body.named(each.table):
            if name in known:
                volumes.setdefault(name, f"{each.component}.{name}")  # `data reset` finds it by the component's name
    granted = {key: [name for each in found for name in top.grants(each.table, key)] for key in top.GRANTED}
    tables, notes = top.of(read, volumes, granted)
    return Composed({each.component: _container(read, each, names, volumes) for each in found}, tables, tuple(notes))


def _container(read: Team, one: Chosen, names: Mapping[str, str], volumes: Mapping[str, str]) -> Container:
    def refused(key: str, because: str) -> DevError:
        at = one.found.source("services", one.service, key)
        return refuse("compose-file", f"services.{one.service}.{key} cannot be taken", at, because)

    made = body.of(read, one.table, names, volumes, refused)
    if one.entry.other:
        made["environment"] = body.doubled(dict(one.entry.other))
    if one.service != one.component:
        network = made.setdefault("networks", {"default": {"aliases": []}})
        network["default"]["aliases"].append(one.service)
    if labels := body.labels(one.table.get("labels")):
        made["labels"] = labels
    at = one.found.source("services", one.service)
    return Container(one.service, at, made, one.entry.more, one.entry.alone)


def _unset(found: list[Chosen]) -> Iterator[Note]:
    """Variables of taken services that have no value."""
    for each in found:
        begin = ("services", each.service)
        for path, names in each.found.unset.items():
            if path[:2] == begin:
                because = f"{' and '.join(dict.fromkeys(names))} is not set in .env: it is empty"
                yield Note("taken", ".".join(map(str, path)), each.found.source(*path), because)
        for name in each.entry.bare:
            at = each.found.source(*begin, "environment")
            yield Note("ignored", f"services.{each.service}.environment.{name}", at, "it has no value here and in .env")
