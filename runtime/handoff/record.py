"""The records of hand-offs: one small file per service, written to disk before each step."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Literal

from converge import atomic as files
from converge import own_files
from converge.instance import Instance
from facts.ports import HOME
from facts.value import dataclass
from runtime.placements.seen import moment

State = Literal["FLIPPING_OUT", "IDE_WAIT", "DOCKER_STARTING", "NATIVE_STARTING", "FLIPPING_IN"]
"""The step that was last begun. IDE_WAIT stays while the service is handed off, whether or not a process listens."""


@dataclass(frozen=True)
class Record:
    """A service that is handed off, or being moved."""

    name: str
    state: State
    home: str
    """Placement to which it returns."""
    since: float
    """Unix time at which it was handed off."""
    until: float | None = None
    """Unix time at which it returns automatically."""
    host: str = HOME
    """Address on which its process listens: 127.0.0.1 only if it needs that address."""


def record(instance: Instance, name: str) -> Record | None:
    """The record of the service's hand-off; None if it is not handed off."""
    try:
        found = own_files.document(instance.handed(name))
        entry = Record(**found)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    lease = entry.until is None or moment(entry.until) is not None
    words = all(isinstance(word, str) for word in (entry.name, entry.state, entry.home, entry.host))
    return entry if words and lease and moment(entry.since) is not None else None


def records(instance: Instance) -> dict[str, Record]:
    """Every hand-off of the instance."""
    names = [path.stem for path in sorted((instance.state / "handoff").glob("*.json"))]
    return {name: found for name in names if (found := record(instance, name))}


def write(instance: Instance, entry: Record) -> None:
    """Write the record to disk durably."""
    files.write(instance.handed(entry.name), json.dumps(vars(entry)), durable=True)


def forget(instance: Instance, name: str) -> None:
    """Delete the record and the environment file of its process."""
    path = instance.handed(name)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        instance.environment_file(name).unlink()
    if path.exists():
        path.unlink()
        files.sync(path.parent)


def clock(moment: float) -> str:
    """A Unix time as text: the time of day, with the date if it is not today."""
    then = time.localtime(moment)
    return time.strftime("%H:%M" if then[:3] == time.localtime()[:3] else "%d %b %H:%M", then)
