"""Whether a component has been ready since its process began: what tells one that is starting from one that broke."""

from __future__ import annotations

import contextlib
from pathlib import Path

from converge import atomic
from runtime.component import Component
from runtime.placements.seen import Seen


def remember(component: Component, seen: Seen) -> None:
    """It is ready. Nothing is lost where that cannot be written down, on a full disk for example."""
    if not ever(component, seen):
        with contextlib.suppress(OSError):
            atomic.write(_path(component), _run(seen))


def ever(component: Component, seen: Seen) -> bool:
    """Whether it was ready before, in the run that was seen."""
    try:
        return _path(component).read_text() == _run(seen)
    except (OSError, ValueError):
        return False


def _run(seen: Seen) -> str:
    """Another one for each process that its keeper began."""
    return f"{seen.placement} {seen.fingerprint} {seen.began}\n"


def _path(component: Component) -> Path:
    return component.directory / "served"
