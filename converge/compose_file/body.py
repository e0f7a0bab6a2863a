"""The keys of a service that Compose gets nearly as they stand: with absolute paths, and names of this instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from converge.compose_file.team import Team
from converge.compose_file.verdicts import TAKEN
from converge.errors import DevError

APART = frozenset(["depends_on", "env_file", "environment", "image", "labels", "ports", "profiles"])
"""Keys of which the component's entry, or ./dev, has its own."""
SHARED = ("volumes_from", "links")
"""Lists of other services, with an optional `:WORD`."""
SPACES = ("ipc", "pid", "uts", "cgroup")
"""Keys that can name another service as `service:NAME`."""


def of(
    team: Team, table: Mapping[str, Any], names: Mapping[str, str], volumes: Mapping[str, str],
    refused: Callable[[str, str], DevError],
) -> dict[str, Any]:  # fmt: skip
    """The keys that Compose gets, with `$$` for each `$`.

    `names` has the component of each service that is taken, and `volumes` the name of each named volume in the model.
    `refused` makes the error for a key, and why.
    """
    made = {key: value for key, value in table.items() if key in TAKEN - APART}
    if "volumes" in made:
        made["volumes"] = [_volume(team, each, volumes, refused) for each in _list(table, "volumes", refused)]
    for key in SHARED:
        if key in made:
            made[key] = list(_others(key, _list(table, key, refused), names, refused))
    for key in SPACES:
        if isinstance(made.get(key), str) and made[key].startswith("service:"):
            made[key] = f"service:{_known(key, made[key].removeprefix('service:'), names, refused)}"
    if "label_file" in made:
        paths = made["label_file"] if isinstance(made["label_file"], list) else [made["label_file"]]
        made["label_file"] = [team.absolute(str(each)) for each in paths]
    aliases = sorted(_aliases(table.get("networks")))
    made.pop("networks", None)
    if aliases:
        made["networks"] = {"default": {"aliases": aliases}}
    return {key: doubled(value) for key, value in made.items()}


def labels(entry: Any) -> dict[str, str]:
    """Labels in either form, with `$$` for each `$`."""
    if isinstance(entry, dict):
        return {str(key): doubled("" if value is None else str(value)) for key, value in entry.items()}
    pairs = [str(each).partition("=") for each in entry] if isinstance(entry, list) else []
    return {key: doubled(value) for key, _, value in pairs}


def doubled(value: Any) -> Any:
    """The value with `$$` for each `$` of its texts, as Compose fills in variables."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: doubled(each) for key, each in value.items()}
    return [doubled(each) for each in value] if isinstance(value, list) else value


def named(table: Mapping[str, Any]) -> Iterator[str]:
    """The named volumes that a service mounts."""
    entry = table.get("volumes")
    for each in entry if isinstance(entry, list) else []:
        if isinstance(each, dict):
            if each.get("type") == "volume" and each.get("source"):
                yield str(each["source"])
        elif isinstance(each, str) and ":" in each and not is_path(each.partition(":")[0]):
            yield each.partition(":")[0]


def is_path(source: str) -> bool:
    """Whether the source of a short volume is a path and not the name of a volume, by Compose's rule."""
    return source.startswith((".", "/", "~"))


def _volume(
    team: Team, each: Any, volumes: Mapping[str, str], refused: Callable[[str, str], DevError]
) -> Any:  # fmt: skip
    """A mount, short or long, with its source as a path of this machine or a volume of the model."""
    if isinstance(each, dict):
        source, kind = each.get("source"), each.get("type")
        if not isinstance(source, str) or kind not in ("bind", "volume"):
            return each
        return {**each, "source": team.absolute(source) if kind == "bind" else _of_model(source, volumes, refused)}
    if not isinstance(each, str):
        raise refused("volumes", "an entry is neither a text nor a mapping")
    source, colon, rest = each.partition(":")
    if not colon:
        return each
    return f"{team.absolute(source) if is_path(source) else _of_model(source, volumes, refused)}:{rest}"


def _of_model(source: str, volumes: Mapping[str, str], refused: Callable[[str, str], DevError]) -> str:
    if source not in volumes:
        raise refused("volumes", f"the files have no volume {source!r}")
    return volumes[source]


def _others(
    key: str, entry: list[Any], names: Mapping[str, str], refused: Callable[[str, str], DevError]
) -> Iterator[str]:  # fmt: skip
    for each in map(str, entry):
        name, colon, rest = each.partition(":")
        if name in names:
            yield f"{names[name]}{colon}{rest}" if colon or key != "links" else f"{names[name]}:{name}"
        elif key == "volumes_from":
            raise refused(key, f"{name} is not taken from the file")


def _known(key: str, name: str, names: Mapping[str, str], refused: Callable[[str, str], DevError]) -> str:
    if name not in names:
        raise refused(key, f"{name} is not taken from the file")
    return names[name]


def _aliases(entry: Any) -> set[str]:
    found: set[str] = set()
    for each in entry.values() if isinstance(entry, dict) else ():
        found |= set(map(str, (each or {}).get("aliases") or ())) if isinstance(each, dict) else set()
    return found


def _list(table: Mapping[str, Any], key: str, refused: Callable[[str, str], DevError]) -> list[Any]:
    found = table[key] or []
    if not isinstance(found, list):
        raise refused(key, "it is not a list")
    return found
