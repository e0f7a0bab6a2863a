"""Gives each port of a draft to one component alone: a second one gets the next number that is free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from converge.adoption.draft import Entry, Line
from facts.value import replace


def distinct(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries in their order. What a file says counts before a guess; the next free number is a guess."""
    entries = tuple(entries)
    taken: dict[int, str] = {}
    for firm in (True, False):
        for entry in entries:
            for number in _numbers(entry, firm):
                taken.setdefault(number, entry.name)
    used = set(taken)
    return tuple(_moved(entry, taken, used) for entry in entries)


def _numbers(entry: Entry, firm: bool) -> Iterable[int]:
    for line in () if entry.off else entry.lines:
        if _is_port(line) and not line.off and bool(line.guess) != firm and isinstance(line.value, int):
            yield line.value


def _is_port(line: Line) -> bool:
    """Whether it is `port`, or one of `ports`."""
    return line.key == "port" or line.key.startswith("ports.")


def _moved(entry: Entry, taken: Mapping[int, str], used: set[int]) -> Entry:
    lines = []
    for line in entry.lines:
        if _is_port(line) and isinstance(line.value, int) and taken.get(line.value, entry.name) != entry.name:
            line = _other(line, taken[line.value], used)
        lines.append(line)
    return entry.with_lines(lines)


def _other(line: Line, holder: str, used: set[int]) -> Line:
    before = int(str(line.value))
    number = next((each for each in range(before + 1, 65536) if each not in used), before)
    used.add(number)
    return replace(line, value=number, guess=f"{before} is the port of {holder}")
