"""What one look at a component found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Verdict:
    """`failed` is said of a reloader whose program has ended: it waits for a person."""

    state: Literal["ready", "starting", "compiling", "failed"]
    reason: str = ""
    """Why it is not ready; of a ready one what a person wants to know besides."""
