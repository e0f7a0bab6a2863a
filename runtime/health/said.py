"""`ready.log`: whether this run of the component printed the pattern; the result outlives the log's rotation."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from converge import atomic, own_files
from facts import patterns
from runtime.component import Component
from runtime.health import lines
from runtime.placements.seen import Seen


def why_not(component: Component, seen: Seen, pattern: str) -> str:
    """Why the pattern is missing in the log since the process began; empty if it was there once."""
    key = f"{seen.placement} {seen.pid} {seen.began} {pattern}"
    file = component.directory / "ready.json"
    if _remembered(file) == key:
        return ""
    try:
        if not patterns.found(pattern, lines.since_began(component, seen)):
            return f"its log has no {pattern!r} yet"
    except patterns.TooSlow as problem:
        return str(problem)
    with contextlib.suppress(OSError):  # then the next look searches again
        atomic.write(file, json.dumps(key))
    return ""


def _remembered(file: Path) -> str:
    try:
        return str(own_files.document(file))
    except (OSError, ValueError):
        return ""
