"""The log lines of a component since its process began, as far as its log still has them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from facts import terminal
from runtime.component import Component
from runtime.logs import containers
from runtime.logs.files import Trail, ending
from runtime.logs.lines import Line, Parser
from runtime.placements.seen import Seen


def since_began(component: Component, seen: Seen, last: int = 0) -> list[str]:
    """Its lines without colours, oldest first; with `last` only those in about the last so many bytes of its log."""
    stamp = containers.stamped(datetime.fromtimestamp(seen.began or 0, UTC))
    if seen.placement == "docker":
        lines, stream = iter(containers.lines(component, stamp)), ""
    else:
        lines, stream = _ending(component, last) if last else _kept(component), "output"
    mine = (line for line in lines if line.stamp >= stamp and stream in ("", line.stream))
    return [terminal.shown(line.whole, colours=False) for line in mine]


def _kept(component: Component) -> Iterator[Line]:
    """Every line of the log; the last one may be incomplete."""
    trail, parser = Trail(component.log), Parser(component.name)
    try:
        for block in trail.earlier():
            yield from parser.lines(block)
        yield from parser.parts()
    finally:
        trail.close()


def _ending(component: Component, last: int) -> Iterator[Line]:
    parser = Parser(component.name)
    yield from parser.lines(ending(component.log, last))
    yield from parser.parts()
