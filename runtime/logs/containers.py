"""Output of containers: read from their engine by time, as it has no offsets."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from runtime.component import Component
from runtime.logs.lines import Line, Parser

EACH = 0.45
"""Seconds between two requests to an engine, which take longer than a look at a file."""
BACK = timedelta(seconds=2)
"""How far the clock must be behind the last line to count as set back."""


def rows(component: Component, since: str = "", last: int | None = None) -> list[str]:
    """The output of its container in the format of log files; empty without a container."""
    if not component.instance.engine_record.exists():
        return []
    from runtime.placements import docker  # saves 30 ms where no engine is used

    return list(docker.rows(component, since, last))


def lines(component: Component, since: str = "") -> list[Line]:
    """The same as lines, in the order of their output."""
    return list(Parser(component.name).of_rows(rows(component, since)))


class Following:
    """The output of a container from a moment on."""

    def __init__(self, component: Component, since: str) -> None:
        self.component = component
        self.stamp = since
        """The stamp of the newest line that was given."""
        self._known = 0
        """Number of lines with exactly that stamp that were given."""
        self._asked = 0.0

    def fresh(self) -> list[Line]:
        """The new lines; not every call asks the engine."""
        if time.monotonic() < self._asked + EACH:
            return []
        self._asked = time.monotonic()
        now = datetime.now(UTC)
        if now + BACK < datetime.fromisoformat(self.stamp):  # the clock was set back
            self.stamp, self._known = stamped(now - BACK), 0
        said = [line for line in lines(self.component, self.stamp) if line.stamp >= self.stamp]
        if not said:
            return []
        old = sum(line.stamp == self.stamp for line in said[: self._known])
        self.stamp = said[-1].stamp
        self._known = sum(line.stamp == self.stamp for line in said)
        return said[old:]

    def gave(self, line: Line) -> bool:
        """Whether a line that was copied to the log file when its container was deleted was given before."""
        return line.stream == "container" and line.stamp <= self.stamp


def stamped(moment: datetime) -> str:
    """The moment as a stamp of log files."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"
