"""A desired state that is not written yet: its entries, line by line, each with where it is from."""

from __future__ import annotations

from collections.abc import Sequence

from converge.adoption.evidence import Note, Table, Value
from facts.value import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Line:
    """One key."""

    key: str
    """Key in its table; `env.NAME` is one of the table `env` in it, `ports.NAME` one of `ports`."""
    value: Value
    sources: tuple[str, ...]
    """`file:line` of what says it."""
    guess: str = ""
    """Why it is a guess; empty where a file says it."""
    others: tuple[str, ...] = ()
    """What else is said of it elsewhere, as short sentences."""
    off: str = ""
    """Why it is written as a comment; empty if it counts."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One table: `[tools]`, or `[services.NAME]` with a name."""

    table: Table
    name: str = ""
    lines: tuple[Line, ...]
    of: str = ""
    """Of a service its directory."""
    source: str = ""
    """`file:line` of what shows a component; empty for the others."""
    questions: tuple[str, ...] = ()
    """What no file says, for a person."""
    off: bool = False
    """Whether all of it is written as a comment."""

    def said(self, key: str) -> Value | None:
        """The value of a key that counts; None if there is none."""
        return next((line.value for line in self.lines if line.key == key and not line.off), None)

    def with_lines(self, lines: Sequence[Line]) -> Entry:
        """The same entry with other lines."""
        return replace(self, lines=tuple(lines))


@dataclass(frozen=True, kw_only=True)
class Draft:
    """All of it."""

    entries: tuple[Entry, ...]
    notes: tuple[Note, ...] = ()
    """What was seen and is not in it."""
