"""Checks of what is taken of a team's Compose file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from converge import declared_ports
from converge.desired import Loaded
from converge.files_read import FilesRead
from converge.toml import refuse

if TYPE_CHECKING:
    from converge.compose_file.composed import Composed

_ROOM = Path(__file__).parents[1] / "compose_file"
READERS = tuple(
    str(_ROOM / f"{name}.py")
    for name in ("body", "chosen", "composed", "document", "entry", "interpolation", "published", "standing_in",
                 "taken", "team", "top", "variables", "verdicts")
)  # fmt: skip
"""Modules that decide what is taken; they are imported only where it is."""


def lay(tree: dict[str, Any], lines: dict[str, str], files: FilesRead) -> Composed | None:
    """Lay the entries of the Compose file under [infra]; None without [compose]. DevError with `file:line`."""
    if "compose" not in tree:
        return None
    from converge.compose_file import taken  # saves 14 ms: it loads the reader of YAML

    return taken.lay(tree, lines, files)


def schema(document: dict[str, Any]) -> None:
    """Put the short form of `file` into the JSON Schema."""
    key = document["$defs"]["Compose"]["properties"]["file"]
    about = {word: key.pop(word) for word in ("title", "description") if word in key}
    document["$defs"]["Compose"]["properties"]["file"] = {**about, "anyOf": [{"type": "string"}, key]}


def check(loaded: Loaded) -> None:
    """DevError with the line of the first port that something else has."""
    if loaded.composed is None:
        if loaded.desired.compose:
            at = loaded.source("compose.file")
            raise refuse("value-wrong", "compose.file has a wrong value", at, "it names no file")
        return
    taken = {each.number: each.component for each in declared_ports.of(loaded.desired)}
    for name, each in loaded.composed.containers.items():
        for more in each.more:
            if more.number is None or more.protocol != "tcp":
                continue
            if not 1024 <= more.number <= 65535:
                because = "ports of a checkout are from 1024 to 65535"
                at = loaded.source(f"infra.{name}.port")
                raise refuse("port-range", f"port {more.number} of {name} is out of range", at, because)
            if (other := taken.setdefault(more.number, name)) != name:
                raise refuse(
                    "port-duplicate", f"port {more.number} is declared for {other} and {name}",
                    loaded.source(f"infra.{name}.port"), "each component needs its own port",
                )  # fmt: skip
