"""The journal of hand-offs: one small file per service, whole and on the disk before each step is taken."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from typing import Literal

from converge import atomic as files
from converge.instance import Instance
from facts.ports import HOME

State = Literal["FLIPPING_OUT", "IDE_WAIT", "DOCKER_STARTING", "NATIVE_STARTING", "FLIPPING_IN"]
"""What was last begun. IDE_WAIT stays as long as the service is handed off: whether a process listens is looked up."""


@dataclass(frozen=True)
class Record:
    """A service that is handed off, or on its way."""

    name: str
    state: State
    home: str
    """Placement it goes back to."""
    since: float
    """Unix time at which it was handed off."""
    until: float | None = None
    """Unix time at which it goes back by itself."""
    host: str = HOME
    """Where its process listens: beside 127.0.0.1, unless that has to be left to it."""


def record(instance: Instance, name: str) -> Record | None:
    """Where the service's hand-off is; None where it is in none."""
    try:
        found = json.loads(instance.handed(name).read_text())
        return Record(**found)
    except (OSError, ValueError, TypeError):
        return None


def records(instance: Instance) -> dict[str, Record]:
    """Every hand-off of the instance."""
    names = [path.stem for path in sorted((instance.state / "handoff").glob("*.json"))]
    return {name: found for name in names if (found := record(instance, name))}


def write(instance: Instance, entry: Record) -> None:
    """Have it on the disk."""
    files.write(instance.handed(entry.name), json.dumps(asdict(entry)), durable=True)


def forget(instance: Instance, name: str) -> None:
    """It is in no hand-off any more, so that its process needs no environment."""
    path = instance.handed(name)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        instance.environment_file(name).unlink()
    if path.exists():
        path.unlink()
        files.sync(path.parent)


def clock(moment: float) -> str:
    """A Unix time for people: the hour, and the day if that is not today."""
    then = time.localtime(moment)
    return time.strftime("%H:%M" if then[:3] == time.localtime()[:3] else "%d %b %H:%M", then)
