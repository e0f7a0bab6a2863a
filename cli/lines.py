"""How a line of a log is shown: to a person at a terminal, as text in a pipe, or as JSON to a program."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Literal

from cli import render
from facts import terminal
from facts.value import dataclass
from runtime.logs import structured
from runtime.logs.lines import Line

Form = Literal["people", "text", "json"]
COLOURS = ("cyan", "green", "magenta", "yellow", "blue")
LEVELS = {
    "trace": ("dim",), "debug": ("dim",), "info": ("green",), "notice": ("green",), "warn": ("yellow",),
    "warning": ("yellow",), "error": ("red",), "err": ("red",), "critical": ("bold", "red"), "fatal": ("bold", "red"),
    "panic": ("bold", "red"), "alert": ("bold", "red"), "emergency": ("bold", "red"),
}  # fmt: skip
INDENT = "\n    "


@dataclass(frozen=True)
class Printer:
    """Shows lines in one form, and only those in which the pattern is found."""

    form: Form
    terminal: bool
    """Whether a person looks: nothing but colours may act on the screen."""
    colours: bool
    """Whether colours of ours are shown."""
    heads: Mapping[str, str]
    """Component -> its name, in its colour and as wide as the widest."""
    pattern: re.Pattern[str] | None = None

    def text(self, line: Line) -> str | None:
        """The line as it is shown; None where it is not."""
        if self.pattern and not self._found(self.pattern, line.whole):
            return None
        if self.form == "json":
            return _document(line)
        said = line.whole if self.pattern else line.text
        if line.begun and not said:  # a line feed ended what was shown already
            return None
        stamp = line.stamp[11:-1]
        dim = f"\033[2m{stamp}\033[0m" if self.colours else stamp
        stream = f"{line.stream}: " if line.stream in ("migrate", "build") else ""
        return f"{dim} {self.heads[line.component]} {stream}{self._said(said)}"

    def _said(self, said: str) -> str:
        if self.form == "people" and (record := structured.record(said)):
            return terminal.shown(rendered(record, styled=True), self.colours)
        if self.terminal:
            return terminal.shown(said, self.colours)
        return terminal.plain(said) if render.refused() else terminal.coloured(said)

    def _found(self, pattern: re.Pattern[str], whole: str) -> bool:
        """In the text without colours; in a structured line also as it is shown to a person."""
        if pattern.search(terminal.plain(whole)):
            return True
        record = structured.record(whole)
        return record is not None and pattern.search(terminal.plain(rendered(record))) is not None


def printer(names: Sequence[str], form: Form, terminal: bool, pattern: re.Pattern[str] | None) -> Printer:
    """For lines of these components on standard output."""
    width = max((len(name) for name in names), default=0)
    heads = {name: render.style(f"{name:<{width}}", COLOURS[at % len(COLOURS)]) for at, name in enumerate(names)}
    return Printer(form, terminal, render.colours(sys.stdout), heads, pattern)


def rendered(record: structured.Record, styled: bool = False) -> str:
    """Level, message, then the fields; what has more than one line, as a stack trace, stands below."""
    level = f"{record.level.upper():<5} " if record.level else ""
    if styled and level:
        level = render.style(level, *LEVELS.get(record.level, ("cyan",)))
    short, long = [level + record.message.replace("\n", INDENT)], ""
    for name, value in record.fields.items():
        if isinstance(value, str) and "\n" in value.strip("\n"):
            long += f"{INDENT}{name}=" + "".join(f"{INDENT}    {row}" for row in value.strip("\n").split("\n"))
        else:
            field = structured.field(name, value)
            short.append(render.style(field, "dim") if styled else field)
    return " ".join(short) + long


def _document(line: Line) -> str:
    """One JSON object: pure ASCII, so that nothing in it acts on a terminal."""
    found = structured.fields(line.whole)
    value = {"time": line.stamp, "component": line.component, "stream": line.stream, "text": line.whole}
    more = {**({} if found is None else {"fields": found}), **({} if line.ended else {"partial": True})}
    return json.dumps({**value, **more})
