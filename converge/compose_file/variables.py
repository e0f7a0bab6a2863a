"""The environment of a service: its `env_file` and `environment`, as Compose puts them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from converge.compose_file.team import Team, outside, unread, values

SECRETS = "/run/secrets/"
"""Where Compose mounts the secrets of a service."""


def of(team: Team, name: str, table: Mapping[str, Any], at: str) -> tuple[dict[str, str], list[str]]:
    """Its variables, and the names without a value, which it does not get; DevError with `file:line`."""
    found: dict[str, str] = {}
    for path, required in _files(table.get("env_file"), at):
        inside = team.inside(path)
        if path.startswith(("/", "~")) or inside.split("/")[0] == ".." or outside(team.files, inside):
            raise unread(path, at, f"env_file of {name} is not a file of the checkout")
        try:
            found = values(inside, team.files, team.variables, found)
        except FileNotFoundError:
            if required:
                raise unread(inside, at, f"env_file of {name} has it, and there is no such file") from None
    given = dict(_given(table.get("environment"), at))
    found |= {key: value for key, value in given.items() if value is not None}
    bare = [key for key, value in given.items() if value is None]
    found |= {key: team.variables[key] for key in bare if key in team.variables}
    return found, [key for key in bare if key not in team.variables]


def secret(team: Team, path: str) -> str | None:
    """The content of a secret file of the files that a container has at this path; None if it is none of them."""
    name = path.removeprefix(SECRETS)
    for each in team.documents if name != path else ():
        secrets = each.tree.get("secrets")
        table = secrets.get(name) if isinstance(secrets, dict) else None
        source = table.get("file") if isinstance(table, dict) else None
        if (
            isinstance(source, str)
            and not source.startswith(("/", "~"))
            and not outside(team.files, team.inside(source))
        ):
            try:
                return (team.files.text(team.inside(source)) or "").removesuffix("\n")
            except (OSError, ValueError):
                return None
    return None


def _files(entry: Any, at: str) -> Iterator[tuple[str, bool]]:
    """Paths, and whether each must be there."""
    for each in entry if isinstance(entry, list) else [entry] if entry is not None else []:
        if isinstance(each, dict) and isinstance(each.get("path"), str):
            yield each["path"], each.get("required", True) is not False
        elif isinstance(each, str):
            yield each, True
        else:
            raise unread("env_file", at, "it is neither a path nor a list of paths")


def _given(entry: Any, at: str) -> Iterator[tuple[str, str | None]]:
    if isinstance(entry, dict):
        yield from ((key, _text(value)) for key, value in entry.items())
    elif isinstance(entry, list):
        for each in entry:
            if each is None or isinstance(each, (dict, list)):
                raise unread("environment", at, "an entry is not NAME=VALUE")
            key, equals, value = str(_text(each)).partition("=")
            yield key, value if equals else None
    elif entry is not None:
        raise unread("environment", at, "it is neither a mapping nor a list")


def _text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
