"""The last log lines of a component, for an error or a progress line, without terminal sequences."""

from __future__ import annotations

from facts import terminal
from runtime import placements
from runtime.component import Component
from runtime.logs import containers
from runtime.logs.files import ending
from runtime.logs.lines import Line, Parser

LONGEST = 300
"""Characters of a line that are shown."""


def tail(component: Component, lines: int = 8, placement: str = "") -> str:
    """The end of its log, indented, for an error; by default of the placement where it runs."""
    found = _last(component, lines, placement)
    return "".join(f"\n    {line.stamp} {_shown(line)[:LONGEST]}" for line in found)


def last(component: Component, placement: str) -> str:
    """Its last line in that placement; empty without output."""
    texts = [text for line in _last(component, 20, placement) if (text := _shown(line).strip())]
    return texts[-1][:100] if texts else ""


def _last(component: Component, lines: int, placement: str) -> list[Line]:
    if (placement or placements.where(component)) == "docker":
        return list(Parser(component.name).of_rows(containers.rows(component, last=lines)))[-lines:]
    parser = Parser(component.name)
    return [*parser.lines(ending(component.log)), *parser.parts()][-lines:]


def _shown(line: Line) -> str:
    return terminal.shown(line.text, colours=False)
