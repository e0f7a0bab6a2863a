"""The only printer: results to stdout, messages to stderr, colour only on a terminal.

Whatever is printed goes through one filter, `_write`: no text of others acts on a terminal, and no colour is theirs.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, TextIO

from cli import hiding
from converge.errors import DevError
from facts import terminal

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
LONGEST = 4000
"""Characters of one text of others; about fifty lines."""
_OURS = f"\033[{int.from_bytes(os.urandom(4), 'big')};"
"""Begins each style of ours until it is printed, so that nobody else's text can pass for one."""


def prepare() -> None:
    """Let nothing that a stream cannot encode end a command, and have tracebacks printed here too.

    A standard stream that the caller has closed leads nowhere: no file that is opened later may get its number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0))
    sys.stdout = sys.stdout or io.TextIOWrapper(io.FileIO(1, "w"))
    sys.stderr = sys.stderr or io.TextIOWrapper(io.FileIO(2, "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = lambda kind, value, trace: _trace(kind, value, trace)
    sys.unraisablehook = lambda found: _trace(found.exc_type, found.exc_value, found.exc_traceback)
    threading.excepthook = lambda found: _trace(found.exc_type, found.exc_value, found.exc_traceback)


def _trace(kind: type[BaseException], value: BaseException | None, trace: TracebackType | None) -> None:
    import traceback  # saves 2 ms where nothing breaks

    say("".join(traceback.format_exception(kind, value, trace)).rstrip("\n"))


def refused() -> bool:
    """Whether the user wants no colours at all."""
    return bool(os.environ.get("NO_COLOR"))


def colours(stream: TextIO) -> bool:
    """Whether the stream shows colour: a terminal that can, unless NO_COLOR; FORCE_COLOR wins over a missing one."""
    if refused():
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def style(text: str, *names: str, stream: TextIO | None = None) -> str:
    """The text in the named style, plain where the stream shows none."""
    if not names or not colours(stream or sys.stdout):
        return text
    return f"{_OURS}{';'.join(_CODES[n] for n in names)}m{text}{_OURS}0m"


def width(stream: TextIO | None = None) -> int:
    """Columns of the terminal; 100 where there is none."""
    if not (stream or sys.stdout).isatty():
        return 100
    import shutil  # saves 3 ms where there is no terminal

    return shutil.get_terminal_size((100, 24)).columns


def out(text: str = "", *, colours: bool = False) -> None:
    """A line of the result; `colours` where it is a log that may keep its own."""
    _write(text + "\n", sys.stdout, colours)


def say(text: str, *names: str) -> None:
    """A message for the user, on stderr; it may have words of other programs, so its secrets are hidden."""
    _write(style(hiding.text(text), *names, stream=sys.stderr) + "\n", sys.stderr)
    sys.stderr.flush()


def _write(text: str, stream: TextIO, colours: bool = False) -> None:
    """The only way to a stream."""
    if colours or _OURS not in text:
        stream.write(terminal.visible(text.replace(_OURS, "\033["), colours))
        return
    first, *styled = text.split(_OURS)
    pieces = [terminal.visible(first, colours)]
    for each in styled:
        codes, _, rest = each.partition("m")
        pieces += f"\033[{codes}m", terminal.visible(rest, colours)
    stream.write("".join(pieces))


def clear() -> None:
    """Make room for the next picture of a `--watch`, where someone looks; else set it apart by an empty line."""
    sys.stdout.write("\033[H\033[2J" if sys.stdout.isatty() else "\n")
    sys.stdout.flush()


def talk() -> TextIO:
    """The stream `say` writes to."""
    return sys.stderr


def bug_file(reports: Iterable[str]) -> str:
    """A file with what a maintainer needs; says how else to get it where none can be written."""
    import platform  # saves 2 ms where nothing breaks
    import tempfile

    head = f"./dev {' '.join(sys.argv[1:])}\npython {platform.python_version()} on {platform.platform()}\n"
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="dev-bug-", suffix=".log", delete=False) as file:
            file.write(terminal.visible(hiding.report("\n".join((head, *reports)))))
    except OSError:
        return "run again with -vv to see where"
    return f"paste {file.name} into an issue, or run again with -vv"


def ask(question: str) -> bool:
    """Whether the person watching says yes; anything else is no."""
    _write(f"{question} [y/N] ", sys.stderr)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def document(value: Any, secret: bool = False) -> None:
    """The one JSON document of a `--json` answer; what would act on a terminal is escaped in it.

    Secrets are hidden, unless it is a `secret` that was asked for.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if not secret and hiding.text(text) != text:
        text = json.dumps(hiding.value(value), indent=2, ensure_ascii=False)
    sys.stdout.write(terminal.escaped(text) + "\n")


def error(problem: DevError) -> None:
    """What, because, hint; where it was asked for at the end of the first line."""
    where = f" ({problem.source})" if problem.source else ""
    say(f"{style(f'error[{problem.code}]:', 'bold', 'red', stream=sys.stderr)} {below(problem.what)}{where}")
    if problem.because:
        say(f"  because {below(problem.because)}")
    if problem.hint:
        say(f"{style('hint:', 'cyan', stream=sys.stderr)} {below(problem.hint)}")


def row(text: str) -> str:
    """Others' text in one line, as another library prints it."""
    return terminal.visible(hiding.text(text)).replace("\n", "␊")


def below(text: str) -> str:
    """Others' text without secrets, whose further lines are set in, so that none passes for a line of ours.

    It is no longer than a page.
    """
    text = hiding.text(text)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text):,} characters)"
    return indented(text)


def indented(text: str) -> str:
    """A text of ours, whose further lines are set in."""
    return re.sub(r"\n(?!    )", "\n    ", text)
