"""Copies the output of a process of a start, for example a migration, into its component's log as a separate stream."""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path
from types import TracebackType

from facts import terminal
from runtime.logs.lines import MARKS, Stream
from runtime.logs.writer import Writer

BLOCK = 65536
"""Bytes that are read at once."""
LAST = 8192
"""Bytes of its last output that are kept for an error."""
LEFT = 16
"""The most blocks that are read after its end: the content of a full pipe; more is from processes that outlive it."""
PAUSE = 0.1
"""Seconds between two checks whether the process has ended."""


class Recording:
    """`with Recording(component.log, "migrate") as said: Popen(…, stdout=said.pipe)`; at its end the log has it all."""

    def __init__(self, path: Path, stream: Stream) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = Writer(str(path), next(mark for mark, name in MARKS.items() if name == stream))
        self._reading, self.pipe = os.pipe()
        os.set_blocking(self._reading, False)
        self._over = threading.Event()
        self._words = b""
        self._thread = threading.Thread(target=self._pump, name=f"recording {path.name}", daemon=True)

    def __enter__(self) -> Recording:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        os.close(self.pipe)
        self._over.set()
        self._thread.join()
        os.close(self._reading)
        self._writer.close()

    def last(self, lines: int) -> list[str]:
        """Its last non-empty lines, without terminal sequences; complete after the end of the `with`."""
        said = terminal.plain(self._words.decode("utf-8", "replace")).split("\n")
        return [terminal.shown(line.removesuffix("\r"), colours=False) for line in said if line.strip()][-lines:]

    def _pump(self) -> None:
        """Read to the end; a child process that outlives the process and holds the pipe is not waited for."""
        left = LEFT
        while left:
            over = self._over.is_set()
            wait = 0.0 if over else min(PAUSE, self._writer.tend())
            ready, _, _ = select.select([self._reading], [], [], wait)
            if ready:
                block = os.read(self._reading, BLOCK)
                if not block:
                    return
                self._words = (self._words + block)[-LAST:]
                self._writer.take(block)
            elif over:
                return
            left -= over
