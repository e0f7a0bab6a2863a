"""The result of one look at a component in one placement, and the error for a look that failed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

from converge.errors import DevError
from facts import processes
from facts.value import dataclass

Name = Literal["native", "docker", "ide"]
State = Literal["absent", "created", "running", "paused", "backoff", "done", "failed", "stopped", "lost"]
"""State by the component's shim or engine. `absent`: it never ran there. `created`: its container was not started
yet. `backoff`: it ended and will be started again shortly. `done`: it has run to its end. `lost`: it is not known."""


FULL = ("no space left on device", "disk quota exceeded")
"""What the system says in lower case when a disk is full."""
LATEST = 253402300799
"""The last second of the year 9999: a later time cannot be converted to a date."""


@dataclass(frozen=True)
class Seen:
    """A component in one placement, as looked up now."""

    placement: Name
    lives: bool = False
    """Whether it runs here, or its shim or its engine will start it again."""
    state: State = "absent"
    reason: str = ""
    """Why it is in that state, if its shim or its engine says so."""
    pid: int | None = None
    restarts: int = 0
    began: float | None = None
    """Unix time at which its process began; None without a process."""
    fingerprint: str = ""
    """Of the specification that it was started with; if that of now differs, it must be started again."""
    debug: int | None = None
    """Port of the debugger under which it runs."""
    image: str = ""
    """The image of its container."""
    ailing: str = ""
    """Why the health check of its container does not say that it is healthy; empty if it does, or if there is none."""

    @property
    def age(self) -> float | None:
        """Seconds since its process began, which do not change when the clock is set.

        A container's are by the clock; None without a process, and if the clock was set back since then.
        """
        if self.pid and self.placement != "docker" and (found := processes.age(self.pid)) is not None:
            return found
        found = None if self.began is None else time.time() - self.began
        return None if found is None or found < 0 else found


def of_record(placement: Name, lives: bool, record: Mapping[str, Any]) -> Seen:
    """From the record of a shim; missing values and values of another type are ignored."""
    state, reason, began, own = (record.get(key) for key in ("state", "reason", "began", "hash"))
    return Seen(
        placement,
        lives,
        cast(State, state) if state in get_args(State) else "absent",
        reason if isinstance(reason, str) else "",
        _number(record.get("pid")),
        _number(record.get("restarts")) or 0,
        moment(began),
        own if isinstance(own, str) else "",
        _number(record.get("debug")),
    )


def lost(what: str, problem: Exception | str) -> DevError:
    """The error for an action that needs an engine which does not answer; `problem` is why."""
    because = problem if isinstance(problem, str) else f"the Docker engine does not answer: {problem}"
    return DevError("engine-lost", what, because=because, hint="./dev doctor --fix --only docker")


def full(what: str, said: str) -> DevError | None:
    """The error for what the engine refused because its disk is full; None if its message `said` is another one."""
    words = next((part for part in said.split(" / ") if any(word in part.lower() for word in FULL)), "")
    if not words:
        return None
    return DevError(
        "engine-full", what, because=f"the disk of the engine is full: {words.strip()}",
        hint="docker system df shows what fills it; ./dev doctor --fix --allow=docker.disk deletes old layers",
    )  # fmt: skip


def moment(value: object) -> float | None:
    """A Unix time from a record; None if it is not a number, or not of the years 1970 to 9999."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        return None
    return float(value)


def _number(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 31 else None
