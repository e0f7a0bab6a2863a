"""What a start does, live where someone looks, else one line per event."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import Any

from cli import render
from facts.value import dataclass, field

BOARD_AFTER = 0.3
"""Seconds before a board appears: a start that has nothing to do is over sooner."""
LINE_EVERY = 4.0
"""Seconds between two lines about the progress of one component without a live board."""
NOTICES = ("leaving Docker:", "began with empty databases", "its data had another password",
           "a copy of", "moved from")  # fmt: skip
"""Messages that are always printed, and stay on the screen above the board; so is one that has EMBEDDED."""
EMBEDDED = "; running embedded"
FINAL = ("ready", "done", "failed", "not started", "interrupted", "no longer", "under its debugger", "handed off")


@dataclass
class Board:
    """`with Board(names) as board: start(…, board.event)`."""

    names: list[str]
    rows: dict[str, tuple[str, float]] = field(default_factory=dict)
    _notices: list[tuple[str, str, float]] = field(default_factory=list)
    _told: dict[str, tuple[float, str]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _shown: bool = False
    _began: float = field(default_factory=time.monotonic)

    def event(self, name: str, text: str, seconds: float) -> None:
        """One thing that happened to a component; from any thread."""
        with self._guard:
            self.rows[name] = (text, seconds)
            if text.startswith(NOTICES) or EMBEDDED in text:
                self._notices.append((name, text, seconds))
        now = time.monotonic()
        at, last = self._told.get(name, (0.0, ""))
        always = text.startswith((*FINAL, *NOTICES)) or EMBEDDED in text
        due = always or (":" in text and now > at + LINE_EVERY and text != last)
        if self._thread is None and due:
            self._told[name] = (now, text)
            self._line(name, text, seconds)

    def __enter__(self) -> Board:
        self._began = time.monotonic()
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._thread = threading.Thread(target=self._show, name="board", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()
            if not self._shown:
                for name, text, seconds in self._notices:
                    self._line(name, text, seconds)
                for name, (text, seconds) in self.rows.items():
                    self._line(name, text, seconds)

    def _show(self) -> None:
        if self._over.wait(BOARD_AFTER):
            return
        from rich.console import Console  # saves 18 ms of a start that ends before the board is shown
        from rich.live import Live

        self._shown = True
        console = Console(stderr=True, no_color=not render.colours(sys.stderr))
        with Live(console=console, auto_refresh=False) as live:
            while True:
                over = self._over.wait(0.1)
                self._notice(console)
                live.update(self._table(), refresh=True)
                if over:
                    return

    def _notice(self, console: Any) -> None:
        with self._guard:
            fresh, self._notices = self._notices, []
        for name, text, _ in fresh:
            console.print(f"{render.row(name):<12} {render.row(text)}", style="yellow", markup=False, highlight=False)

    def _table(self) -> Any:
        from rich.spinner import Spinner  # saves 6 ms of a start that ends before the board is shown
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        now = time.monotonic() - self._began
        with self._guard:
            rows = dict(self.rows)
        for name in [*self.names, *(name for name in rows if name not in self.names)]:
            text, seconds = rows.get(name, ("waiting", now))
            final = text.startswith(FINAL)
            sign = Text(*_sign(text)) if final or self._over.is_set() else Spinner("dots")
            style = _sign(text)[1] if final else "dim" if text == "waiting" else ""
            words = Text(render.row(name)), Text(render.row(text), style)
            table.add_row(sign, *words, Text(f"{seconds if final else now:.1f} s", "dim"))
        return table

    def _line(self, name: str, text: str, seconds: float) -> None:
        render.say(f"{name:<12} {text:<20} {seconds:6.1f} s", _sign(text)[1])


def _sign(text: str) -> tuple[str, str]:
    if text == "failed":
        return "✗", "red"
    return ("✓", "green") if text.startswith(("ready", "done")) else ("·", "dim")
