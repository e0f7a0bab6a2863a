"""What one look at a component in one placement found, and the error for a look that found nothing out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converge.errors import DevError


@dataclass(frozen=True)
class Seen:
    """A component in one placement, as looked up now."""

    placement: str
    lives: bool = False
    """Whether it runs here, or somebody keeps it running."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """What its keeper last said: state, pid, restarts, reason, hash, began; empty where there never was one."""


def lost(what: str, problem: Exception | str) -> DevError:
    """The error for what cannot be done while its engine does not answer; or why, as a look told it."""
    because = problem if isinstance(problem, str) else f"the Docker engine does not answer: {problem}"
    return DevError("engine-lost", what, because=because, hint="./dev doctor --fix --only docker")
