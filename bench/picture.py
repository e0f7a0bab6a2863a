"""The README's picture: a command's output as an SVG. `python bench/picture.py FILE COMMAND…`.

The command gets a terminal of 100 columns, so that it prints what a person sees; each line is kept as it stands when
the command has ended. Run it with `.dev/venv/bin/python` in a clean clone:

    .dev/venv/bin/python bench/picture.py docs/start.svg ./dev start
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 100
TALL = 400
"""Rows of the terminal: more than the output has, so that nothing scrolls."""
UP = re.compile(r"\x1b\[(\d*)A")
ERASE = re.compile(r"\x1b\[(?:2K|K|J|0J)")
OTHER = re.compile(r"\x1b\[[?0-9;]*[A-Za-ln-z]|\x1b\][^\x07]*\x07")
"""Control sequences other than colours (which end with `m`)."""
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Rich's SVG names fonts on a server; the viewer's own monospaced font will do."""


def said(argv: list[str]) -> str:
    """What the command wrote to its terminal."""
    pid, terminal = pty.fork()
    if not pid:
        os.execvp(argv[0], argv)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", TALL, COLUMNS, 0, 0))
    blocks = []
    try:
        while block := os.read(terminal, 65536):
            blocks.append(block)
    except OSError:  # the command has ended
        pass
    _, status = os.waitpid(pid, 0)
    if status & 0xFF:  # a signal; a check that finds something may end with 2
        sys.exit(f"{' '.join(argv)} ended with {os.waitstatus_to_exitcode(status)}")
    return b"".join(blocks).decode(errors="replace")


def screen(text: str) -> list[str]:
    """The lines as they stand at the end, with their colours."""
    rows, at = [""], 0
    for piece in re.split(r"(\x1b\[\d*A|\x1b\[2K|\r\n|\n|\r)", text):
        if up := UP.fullmatch(piece):
            at = max(0, at - int(up[1] or 1))
        elif piece in ("\n", "\r\n"):
            at += 1
            rows += [""] * (at - len(rows) + 1)
        elif piece == "\r" or ERASE.fullmatch(piece):
            rows[at] = ""
        else:
            rows[at] += OTHER.sub("", piece)
    return [row.rstrip() for row in rows]


def main(file: str, *argv: str) -> None:
    shown = screen(said(list(argv)))
    while shown and not shown[-1]:
        shown.pop()
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )  # fmt: skip
    console.print(Text(f"$ {' '.join(argv)}", style="bold"))
    for row in shown:
        console.print(Text.from_ansi(row))
    svg = FONTS.sub("", console.export_svg(title=" ".join(argv), theme=MONOKAI))
    Path(file).write_text(svg)


if __name__ == "__main__":
    main(*sys.argv[1:])
