"""What one look at a component in one placement found, and the error for a look that found nothing out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from converge.errors import DevError

Name = Literal["native", "docker", "ide"]
State = Literal["absent", "created", "running", "paused", "backoff", "done", "failed", "stopped", "lost"]
"""What the keeper of a component says of it. `absent`: it never ran there. `created`: its container was not started
yet. `backoff`: it ended and is started again in a moment. `done`: it has run to its end. `lost`: nobody could say."""


@dataclass(frozen=True)
class Seen:
    """A component in one placement, as looked up now."""

    placement: Name
    lives: bool = False
    """Whether it runs here, or somebody keeps it running."""
    state: State = "absent"
    reason: str = ""
    """Why it is in that state, where its keeper has more to say."""
    pid: int | None = None
    restarts: int = 0
    began: float | None = None
    """Unix time at which its process began; None where it has none."""
    fingerprint: str = ""
    """Of what it was started from; another one than that of now means that it has to be started again."""
    debug: int | None = None
    """Port of the debugger it is under."""


def of_record(placement: Name, lives: bool, record: Mapping[str, Any]) -> Seen:
    """By the record that a shim writes; what is missing there or is of another type counts as not said."""
    state, reason, began, own = (record.get(key) for key in ("state", "reason", "began", "hash"))
    return Seen(
        placement,
        lives,
        cast(State, state) if state in get_args(State) else "absent",
        reason if isinstance(reason, str) else "",
        _number(record.get("pid")),
        _number(record.get("restarts")) or 0,
        float(began) if isinstance(began, (int, float)) else None,
        own if isinstance(own, str) else "",
        _number(record.get("debug")),
    )


def lost(what: str, problem: Exception | str) -> DevError:
    """The error for what cannot be done while its engine does not answer; or why, as a look found it."""
    because = problem if isinstance(problem, str) else f"the Docker engine does not answer: {problem}"
    return DevError("engine-lost", what, because=because, hint="./dev doctor --fix --only docker")


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
