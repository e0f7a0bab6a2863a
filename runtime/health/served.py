"""Whether a component was ready since its process began: this tells `starting` from `unhealthy`."""

from __future__ import annotations

import contextlib
from pathlib import Path

from converge import atomic, own_files
from runtime.component import Component
from runtime.placements.seen import Seen


def remember(component: Component, seen: Seen) -> None:
    """Record that it is ready. A failed write, for example on a full disk, is ignored."""
    if not ever(component, seen):
        with contextlib.suppress(OSError):
            atomic.write(_path(component), _run(seen))


def ever(component: Component, seen: Seen) -> bool:
    """Whether it was ready before, in the run that was seen."""
    try:
        return own_files.text(_path(component)) == _run(seen)
    except (OSError, ValueError):
        return False


def _run(seen: Seen) -> str:
    """Identifies one process or container of the component."""
    return f"{seen.placement} {seen.fingerprint} {seen.began}\n"


def _path(component: Component) -> Path:
    return component.directory / "served"
