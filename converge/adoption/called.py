"""What services of a draft wait for and call: a component that is only a comment is none of it."""

from __future__ import annotations

from converge.adoption.draft import Draft, Entry, Line
from facts.value import replace

KEYS = ("needs", "uses")


def declared(draft: Draft) -> Draft:
    """The draft without names of components that are written as comments; a comment says which they are."""
    off = {entry.name for entry in draft.entries if entry.off and entry.table in ("infra", "services")}
    off -= {entry.name for entry in draft.entries if not entry.off and entry.table in ("infra", "services")}
    return replace(draft, entries=tuple(_without(entry, off) for entry in draft.entries)) if off else draft


def _without(entry: Entry, off: set[str]) -> Entry:
    return entry if entry.off else entry.with_lines([_line(line, off) for line in entry.lines])


def _line(line: Line, off: set[str]) -> Line:
    names = line.value if line.key in KEYS and isinstance(line.value, tuple) and not line.off else ()
    gone = [str(name) for name in names if name in off]
    if not gone:
        return line
    said = f"{', '.join(gone)} is only a comment here"
    kept = tuple(name for name in names if name not in off)
    return replace(line, value=kept, others=(*line.others, said)) if kept else replace(line, off=said)
