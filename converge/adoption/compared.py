"""What the files of a repository say and its desired state does not: the reason for a second `./dev init`.

A line whose comment names a `file:line` is compared with what is there now. A line without one is a person's own and
never different. An entry that is there as a comment counts as declared: somebody decided against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from converge import toml
from converge.adoption import text
from converge.adoption.draft import Draft, Entry, Line
from converge.adoption.evidence import Value
from facts.value import dataclass

SOURCE = re.compile(r"#[^#]*\S:\d+\b[^#]*$")
"""A comment behind a value that names a line of a file."""


@dataclass(frozen=True)
class Change:
    """One entry or key that evidence has otherwise."""

    key: str
    """Dotted key, such as `services.api.port`."""
    before: str
    """The line that is there; empty if there is none."""
    after: tuple[str, ...]
    """The lines that would be there."""


def of(draft: Draft, raw: bytes, file: str) -> tuple[Change, ...]:
    """The changes, in the order of the draft. DevError if the file is no TOML."""
    tree, lines = toml.tree(raw, file)
    shown = raw.decode("utf-8", "replace").splitlines()
    return tuple(change for entry in draft.entries if not entry.off for change in _entry(entry, tree, lines, shown))


def _entry(entry: Entry, tree: dict[str, Any], lines: Mapping[str, str], shown: list[str]) -> Iterator[Change]:
    title = f"{entry.table}.{entry.name}" if entry.name else entry.table
    place, there = _declared(entry, tree)
    if there is None:
        if entry.name and not any(re.match(rf"#\s*\[{re.escape(title)}\]", line) for line in shown):
            yield Change(title, "", text.alone(entry))
            return
        there, place = {}, title
    for line in entry.lines:
        yield from _line(line, place, there, lines, shown)


def _declared(entry: Entry, tree: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Its dotted key in the file, and its table: that of its name, else of the one service of its directory."""
    table = tree.get(entry.table)
    if not isinstance(table, dict):
        return entry.table, None
    if not entry.name:
        return entry.table, table
    found = table.get(entry.name)
    if isinstance(found, dict):
        return f"{entry.table}.{entry.name}", found
    if entry.table == "services":
        kind = entry.said("kind")
        for name, other in table.items():
            if isinstance(other, dict) and other.get("path", ".") == entry.of and other.get("kind") == kind:
                return f"services.{name}", other
    return f"{entry.table}.{entry.name}", None


def _line(
    line: Line, place: str, there: dict[str, Any], lines: Mapping[str, str], shown: list[str]
) -> Iterator[Change]:  # fmt: skip
    if line.off or line.guess or not line.sources:
        return
    value: Any = there
    for part in line.key.split(".", 1):
        value = value.get(part) if isinstance(value, dict) else None
    key = f"{place}.{line.key}"
    after = text.line_of(line)
    if value is None:
        if not any(re.match(rf"#\s*{re.escape(line.key)}\s*=", each) for each in shown):
            yield Change(key, "", (f"[{place}]", after))
        return
    if _plain(line.value) == value:
        return
    number = lines.get(key, "").rpartition(":")[2]
    before = shown[int(number) - 1] if number.isdigit() and int(number) <= len(shown) else ""
    if SOURCE.search(before):
        yield Change(key, before.strip(), (after,))


def _plain(value: Value) -> Any:
    """The value as the TOML reader gives it."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value
