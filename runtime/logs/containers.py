"""What containers said: their engine is asked by time, as it knows no offsets."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from runtime.component import Component
from runtime.logs.lines import Line, Parser

EACH = 0.45
"""Seconds between two questions to an engine, which costs both sides more than a look at a file."""
BACK = timedelta(seconds=2)
"""How far the clock must be behind the last line before it counts as set back."""


def rows(component: Component, since: str = "", last: int | None = None) -> list[str]:
    """What its container said in the form of our log files; nothing where it has none."""
    if not component.instance.engine_record.exists():
        return []
    from runtime.placements import docker  # saves 30 ms where no engine is used

    return list(docker.rows(component, since, last))


def lines(component: Component, since: str = "") -> list[Line]:
    """The same as lines, in the order in which they were said."""
    return list(Parser(component.name).of_rows(rows(component, since)))


class Following:
    """What a container says from a moment on."""

    def __init__(self, component: Component, since: str) -> None:
        self.component = component
        self.stamp = since
        """The stamp of the newest line that was given."""
        self._known = 0
        """Lines with that very stamp that were given."""
        self._asked = 0.0

    def fresh(self) -> list[Line]:
        """The lines that are new; the engine is not asked at every call."""
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
        """Whether a line that was copied to the log file when its container went was given before."""
        return line.stream == "container" and line.stamp <= self.stamp


def stamped(moment: datetime) -> str:
    """The moment as a stamp of our logs."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"
