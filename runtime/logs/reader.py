"""Reads logs of components as one log: first the existing lines, then new ones."""

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
    """The log of one component from its oldest line on. First `kept`, then `fresh` from the end of `kept` on."""

    def __init__(self, component: Component) -> None:
        self.component = component
        self._now = stamped(datetime.now(UTC))
        self._trail = Trail(component.log)
        self._parser = Parser(component.name)
        self._container = Following(component, self._now)

    def kept(self) -> Iterator[Line]:
        """The lines of the log files."""
        for block in self._trail.earlier():
            yield from self._parser.lines(block)
        yield from self._parser.parts()

    def in_docker(self, since: str) -> Iterator[Line]:
        """The output of its container until this reader was made."""
        return (line for line in containers.lines(self.component, since) if line.stamp < self._now)

    def fresh(self) -> tuple[list[Line], bool]:
        """New lines since the last call, and whether there are more. By position in the file, never by time."""
        block = self._trail.read()
        lines = [line for line in self._parser.lines(block) if not self._container.gave(line)]
        if not block:
            lines += self._parser.parts()
        return lines + self._container.fresh(), bool(block)

    def close(self) -> None:
        """Close its files."""
        self._trail.close()


def readers(components: Sequence[Component]) -> list[Reader]:
    """One reader for each; `follow` gives the lines from now on."""
    return [Reader(component) for component in components]


def kept(readers: Sequence[Reader], since: str = "", until: str = "") -> Iterator[Line]:
    """Every line kept, the rotated ones too, ordered by time; both stamps are included.

    The lines of one component stay in the order of their output, also if the clock was set back meanwhile: each line
    counts as later than the lines before it.
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
