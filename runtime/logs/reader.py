"""Reads logs of components as one story: what was said so far, and then what is said."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from runtime.component import Component
from runtime.logs import containers
from runtime.logs.containers import Following, stamped
from runtime.logs.files import Trail
from runtime.logs.lines import Line, Parser

PAUSE = 0.15
"""Seconds between looks at files that are followed."""


class Reader:
    """The log of one component from its oldest line on. `kept` comes first, then `fresh` goes on where that ended."""

    def __init__(self, component: Component) -> None:
        self.component = component
        self._now = stamped(datetime.now(UTC))
        self._trail = Trail(component.log)
        self._parser = Parser(component.name)
        self._container = Following(component, self._now)

    def kept(self) -> Iterator[Line]:
        """What the log files have."""
        for block in self._trail.earlier():
            yield from self._parser.lines(block)
        yield from self._parser.parts()

    def in_docker(self, since: str) -> Iterator[Line]:
        """What its container said until this reader was made."""
        return (line for line in containers.lines(self.component, since) if line.stamp < self._now)

    def fresh(self) -> tuple[list[Line], bool]:
        """What came since the last call, and whether there is more already. By place in the file, never by time."""
        block = self._trail.read()
        lines = [line for line in self._parser.lines(block) if not self._container.gave(line)]
        if not block:
            lines += self._parser.parts()
        return lines + self._container.fresh(), bool(block)

    def close(self) -> None:
        """Give its files back."""
        self._trail.close()


def readers(components: Sequence[Component]) -> list[Reader]:
    """One for each; what is said from now on is left to `follow`."""
    return [Reader(component) for component in components]


def kept(readers: Sequence[Reader], since: str = "", until: str = "") -> Iterator[Line]:
    """Every line kept, the rotated ones too, ordered by time; both stamps are included.

    A component's own lines stay in the order in which they were said, also where the clock was set back meanwhile:
    what was said after a line counts as later than it.
    """
    streams = [stream for reader in readers for stream in (reader.kept(), reader.in_docker(since))]
    for line in heapq.merge(*streams, key=attrgetter("order")):
        if line.order >= since and (not until or line.order <= until):
            yield line


def follow(readers: Sequence[Reader], go_on: Callable[[], bool] = lambda: True) -> Iterator[list[Line]]:
    """Lines that come after the kept ones, each look's ordered by time; a look without any gives none."""
    while go_on():
        looks = [reader.fresh() for reader in readers]
        yield sorted((line for lines, _ in looks for line in lines), key=attrgetter("order"))
        if not any(behind for _, behind in looks):
            time.sleep(PAUSE)
