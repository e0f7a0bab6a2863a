"""What a component has said since its process began, as far as its log still has it."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime

from runtime import logs
from runtime.component import Component
from runtime.placements.seen import Seen

WHOLE = -1


def since_began(component: Component, seen: Seen, last: int = WHOLE) -> list[str]:
    """Its lines, the rotated part of the log first; only those in the `last` bytes of its log if asked for."""
    began = datetime.fromtimestamp(float(seen.told.get("began") or 0), UTC)
    stamp = began.strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"
    if seen.placement == "docker":
        from runtime.placements import docker  # saves 40 ms: it speaks HTTP to an engine

        rows = list(docker.rows(component, stamp))
    else:
        rows = _kept(component, last)
    return [line.text for line in logs.parse(component.name, rows) if line.stamp >= stamp]


def _kept(component: Component, last: int) -> list[str]:
    rows: list[str] = []
    paths = (component.log.with_name(component.log.name + ".1"), component.log)
    for path in paths if last == WHOLE else paths[1:]:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - last) if last != WHOLE else 0)
            rows += file.read().decode(errors="replace").split("\n")
    return rows
