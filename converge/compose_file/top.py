"""The top-level tables of Compose files: what the taken services use of their volumes, secrets, configs and models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from converge.compose_file import body
from converge.compose_file.team import Team
from converge.compose_file.verdicts import Note
from converge.toml import refuse

GRANTED = ("secrets", "configs", "models")
"""Tables that are given to a service by a key of the same name."""


def table(team: Team, key: str) -> dict[str, tuple[Any, str]]:
    """Its entries from all files, and the `file:line` of each; DevError if two files differ in one."""
    found: dict[str, tuple[Any, str]] = {}
    for each in team.documents:
        entries = each.tree.get(key) or {}
        if not isinstance(entries, dict):
            raise refuse("compose-file", f"{key} cannot be read", each.source(key), "it is not a mapping")
        for name, value in entries.items():
            if name in found and found[name][0] != value:
                because = f"{found[name][1]} has it too, and they differ"
                raise refuse("compose-file", f"{key}.{name} is there twice", each.source(key, name), because)
            found[name] = value, each.source(key, name)
    return found


def of(team: Team, used: Mapping[str, str], granted: Mapping[str, Iterable[str]]) -> tuple[dict[str, Any], list[Note]]:
    """The tables for the model, and notes. `used` has the model's name of each volume, and `granted` the names used."""
    made: dict[str, Any] = {}
    notes: list[Note] = []
    volumes = table(team, "volumes")
    if used:
        made["volumes"] = {used[name]: body.doubled(_volume(team, volumes[name][0])) for name in used}
    for name in used:
        value, at = volumes[name]
        for key in ("external", "name") if isinstance(value, dict) else ():
            if value.get(key):
                because = "each instance has a volume of its own" + (", empty at first" if key == "external" else "")
                notes.append(Note("ignored", f"volumes.{name}.{key}", at, because))
    for key in GRANTED:
        entries = table(team, key) if granted.get(key) else {}
        if wanted := {name: entries[name][0] for name in granted.get(key, ()) if name in entries}:
            if key == "secrets":
                _from_files(entries, wanted)
            made[key] = {name: body.doubled(dict(_file(team, value))) for name, value in wanted.items()}
    return made, notes


def grants(service: Mapping[str, Any], key: str) -> Iterator[str]:
    """The names that a service has under `secrets`, `configs` or `models`."""
    entry = service.get(key) or ()
    for each in entry if isinstance(entry, (list, dict)) else ():
        name = each.get("source") if isinstance(each, dict) else each
        if isinstance(name, str):
            yield name


def _from_files(entries: Mapping[str, tuple[Any, str]], wanted: Iterable[str]) -> None:
    for name in wanted:
        value, at = entries[name]
        if not isinstance(value, dict) or not value.get("file"):
            because = "it is not in a file, and ./dev passes nothing else on"
            raise refuse("compose-file", f"secret {name} cannot be taken", at, because)


def _volume(team: Team, value: Any) -> dict[str, Any]:
    made = {key: each for key, each in (value or {}).items() if key not in ("external", "name", "labels")}
    options = made.get("driver_opts")
    if isinstance(options, dict) and "bind" in str(options.get("o")) and body.is_path(str(options.get("device"))):
        made["driver_opts"] = {**options, "device": team.absolute(str(options["device"]))}
    if isinstance(value, dict) and value.get("labels"):
        made["labels"] = body.labels(value["labels"])
    return made


def _file(team: Team, value: Any) -> Iterator[tuple[str, Any]]:
    """An entry with an absolute path, and with the value of a variable in its place."""
    for key, each in (value if isinstance(value, dict) else {}).items():
        if key == "file" and isinstance(each, str):
            yield key, team.absolute(each)
        elif key == "environment" and isinstance(each, str):
            yield "content", team.variables.get(each, "")
        elif key != "name":
            yield key, each
