"""What one look at a component found."""

from __future__ import annotations

from typing import Literal

from facts.value import dataclass


@dataclass(frozen=True)
class Verdict:
    """The result of one look. `failed`: the program of a reloader has ended, and only a change of a file starts it.
    `unknown`: its `ready` would be a command or a pattern of a checkout that is not trusted."""

    state: Literal["ready", "starting", "compiling", "failed", "unknown"]
    reason: str = ""
    """Why it is not ready; for a ready component further information."""
