"""The only printer: results to stdout, messages to stderr, colour only on a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
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
    return f"\033[{';'.join(_CODES[n] for n in names)}m{text}\033[0m"


def width(stream: TextIO | None = None) -> int:
    """Columns of the terminal; 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns if (stream or sys.stdout).isatty() else 100


def out(text: str = "") -> None:
    """A line of the result."""
    print(text, flush=False)


def say(text: str, *names: str) -> None:
    """A message for the user, on stderr; it may have words of other programs, so its secrets are hidden."""
    print(style(hiding.text(text), *names, stream=sys.stderr), file=sys.stderr, flush=True)


def clear() -> None:
    """Make room for the next picture of a `--watch`, where someone looks; else set it apart by an empty line."""
    print("\033[H\033[2J" if sys.stdout.isatty() else "", end="\n" if not sys.stdout.isatty() else "", flush=True)


def talk() -> TextIO:
    """The stream `say` writes to."""
    return sys.stderr


def bug_file(reports: Iterable[str]) -> str:
    """A file with what a maintainer needs; says how else to get it where none can be written."""
    import platform  # saves 2 ms where nothing breaks
    import tempfile

    head = f"./dev {' '.join(sys.argv[1:])}\npython {platform.python_version()} on {platform.platform()}\n"
    try:
        with tempfile.NamedTemporaryFile("w", prefix="dev-bug-", suffix=".log", delete=False) as file:
            file.write(hiding.report("\n".join((head, *reports))))
    except OSError:
        return "run again with -vv to see where"
    return f"paste {file.name} into an issue, or run again with -vv"


def trace(problem: BaseException) -> None:
    """The traceback of a problem, on stderr."""
    import traceback  # saves 2 ms where nothing breaks

    print(hiding.report("".join(traceback.format_exception(problem))), end="", file=sys.stderr, flush=True)


def ask(question: str) -> bool:
    """Whether the person watching says yes; anything else is no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def document(value: Any, secret: bool = False) -> None:
    """The one JSON document of a `--json` answer; a `secret` one is what was asked for."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if not secret and hiding.text(text) != text:
        text = json.dumps(hiding.value(value), indent=2, ensure_ascii=False)
    print(text)


def error(problem: DevError) -> None:
    """What, because, hint; where it was asked for at the end of the first line. Colours of others' words pass."""
    where = f" ({problem.source})" if problem.source else ""
    head = style(f"error[{problem.code}]:", "bold", "red", stream=sys.stderr)
    print(f"{head} {terminal.shown(hiding.text(problem.what))}{where}", file=sys.stderr)
    if problem.because:
        print(f"  because {terminal.shown(hiding.text(problem.because))}", file=sys.stderr)
    if problem.hint:
        hint = terminal.shown(hiding.text(problem.hint))
        print(f"{style('hint:', 'cyan', stream=sys.stderr)} {hint}", file=sys.stderr)
    sys.stderr.flush()
