"""Writes a draft as TOML: each line says where it is from, and what is a guess."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from converge import toml_text
from converge.adoption.draft import Draft, Entry, Line
from converge.adoption.evidence import Value

HEAD = (
    "# Written by `./dev init` from the files of this repository. A comment behind a value says which line it is from,",
    "# and whether it is a guess. It is yours now: change what is wrong. `./dev reference` explains every key.",
)
STARTER = (
    "",
    "# Nothing that runs was found here. A first service and a database, to be changed and uncommented:",
    "# [infra.postgres]",
    "# port = 5432",
    '# databases = ["app"]',
    "#",
    "# [services.api]",
    '# kind = "python"             # or go, node, next, vite, django, flask, rust, command: `./dev reference`',
    '# path = "api"',
    '# app = "api.main:app"',
    "# port = 8000",
    '# needs = ["postgres"]',
    '# env.DATABASE_URL = "{postgres.url}/app"',
)
"""What a repository gets in which nothing runs yet."""
Place = tuple[int, int | None]
"""Of a line of the text: which entry, and which of its lines; None for the line with the name of its table."""


def written(draft: Draft) -> tuple[str, Mapping[int, Place]]:
    """The text, and what each of its lines is (counted from 1)."""
    lines: list[str] = [*HEAD, "schema = 1"]
    places: dict[int, Place] = {}
    for number, entry in enumerate(draft.entries):
        if not entry.lines:
            continue
        lines.append("")
        off = entry.off or all(line.off for line in entry.lines)
        for inner, shown in _entry(entry, off):
            lines.append(f"# {shown}" if off and not shown.startswith("#") else shown)
            places[len(lines)] = (number, inner)
    if not any(entry.table in ("infra", "services") for entry in draft.entries):
        lines += STARTER
    return "\n".join(lines) + "\n", places


def alone(entry: Entry) -> tuple[str, ...]:
    """The lines of one entry."""
    return tuple(shown for _, shown in _entry(entry, off=entry.off))


def line_of(line: Line) -> str:
    """One line."""
    inner = line.key.startswith(("env.", "ports."))
    key = ".".join(toml_text.key(each) for each in line.key.split(".", 1)) if inner else toml_text.key(line.key)
    return _with(f"{key} = {toml(line.value)}", _remark(line))


def _entry(entry: Entry, off: bool) -> Iterator[tuple[int | None, str]]:
    title = f"{entry.table}.{toml_text.key(entry.name)}" if entry.name else entry.table
    yield None, _with(f"[{title}]", entry.source)
    for question in entry.questions:
        yield None, f"# question: {plain(question)}"
    for number, line in enumerate(entry.lines):
        shown = line_of(line)
        yield number, f"# {shown}" if line.off and not off else shown


def _remark(line: Line) -> str:
    said = [", ".join(line.sources)] if line.sources else []
    said += [f"guess: {line.guess}"] if line.guess else []
    said += list(line.others)
    said += [f"left out: {line.off}"] if line.off else []
    return "; ".join(said)


def _with(text: str, remark: str) -> str:
    return f"{text}  # {plain(remark)}" if remark else text


def plain(said: str) -> str:
    """A text for a comment in one line: a file name may have characters that would end it."""
    return "".join(each if each.isprintable() else "?" for each in said)


def toml(value: Value) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{toml_text.key(key)} = {toml(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(toml(each) for each in value)}]"
    if isinstance(value, str):
        return toml_text.text(value)
    return json.dumps(value)
