"""The files of one log, oldest first. They are kept open while they are read, so that a rotation takes none away."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from runtime.logs.writer import before

BLOCK = 1024 * 1024
"""Bytes that are read at once."""
LOOK = 0.1
"""Seconds between two looks for newer files while there is something to read."""
HELD = 64
"""Files that are kept open; a reader that is further behind misses lines and says how many."""
TRIES = 5
"""Looks for a file that is being renamed."""


@dataclass
class LogFile:
    """One file of a log, open."""

    file: FileIO
    identity: tuple[int, int]
    rows: int
    """Rows of the log before the place that is read next."""
    size: int
    """Bytes of the log before it."""

    def more(self, most: int = BLOCK) -> bytes:
        """What comes next; a file that was emptied in its place is read from its beginning."""
        if os.fstat(self.file.fileno()).st_size < self.file.tell():
            self.file.seek(0)
        block = self.file.read(most)
        self.rows, self.size = self.rows + block.count(b"\n"), self.size + len(block)
        return block


class Trail:
    """A log from its oldest file on. What is there when it is made comes first (`earlier`), then the rest (`read`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rest = b""
        self._files: deque[LogFile] = deque()
        self._looked = 0.0
        self._look()
        self._end = os.fstat(self._files[-1].file.fileno()).st_size if self._files else 0

    def earlier(self) -> Iterator[bytes]:
        """Whole rows that were there when this was made; the rows after them are left to `read`."""
        while self._files:
            newest = len(self._files) == 1
            most = min(BLOCK, self._end - self._files[0].file.tell()) if newest else BLOCK
            block = self._files[0].more(most) if most > 0 else b""
            if block:
                yield self._whole(block)
            elif newest:
                return
            else:
                yield self._torn()
                self._files.popleft().file.close()

    def read(self) -> bytes:
        """Whole rows that come next, of one file; empty where there is nothing now."""
        if time.monotonic() > self._looked + LOOK:
            self._look()
        while self._files:
            if block := self._files[0].more():
                if rows := self._whole(block):
                    return rows
            elif len(self._files) > 1 or self._look():
                if block := self._files[0].more():  # it was written between the last look and the rotation
                    return self._whole(block)
                if rows := self._torn() + self._next():
                    return rows
            else:
                return b""
        return b""

    def close(self) -> None:
        """Give the files back."""
        while self._files:
            self._files.popleft().file.close()

    def _whole(self, block: bytes) -> bytes:
        """The block up to its last line feed; what follows is kept for the next one."""
        rows, feed, rest = block.rpartition(b"\n")
        if not feed:
            self._rest += rest
            return b""
        whole, self._rest = self._rest + rows + feed, rest
        return whole

    def _torn(self) -> bytes:
        """The last row of a file that nobody writes any more, if it has no line feed."""
        row, self._rest = self._rest, b""
        return row + b"\n" if row else b""

    def _next(self) -> bytes:
        """Go on with the next file; a row that says how many rows are missing between the two, if any are."""
        old = self._files.popleft()
        old.file.close()
        rows, size = self._files[0].rows - old.rows, self._files[0].size - old.size
        if rows <= 0:
            return b""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23]
        return f"{stamp}Z ! {rows} lines ({size} bytes) were rotated away before they could be shown\n".encode()

    def _look(self) -> bool:
        """Open files that are newer than the newest one that is open; whether there are any."""
        self._looked = time.monotonic()
        fresh, found = self._newer()
        for _ in range(TRIES):
            if found or not fresh or not self._files:
                break
            for each in fresh:
                each.file.close()
            time.sleep(0.005)
            fresh, found = self._newer()
        self._files.extend(fresh)
        while len(self._files) > HELD:
            self._files[1].file.close()
            del self._files[1]
        return bool(fresh)

    def _newer(self) -> tuple[list[LogFile], bool]:
        """Those files, oldest first, and whether the newest one that is open was met.

        The names are tried from the newest to the oldest, as rotation moves files in that direction: one that moves
        meanwhile is met twice and not missed.
        """
        known = self._files[-1].identity if self._files else None
        found: list[LogFile] = []
        number, missing = 0, 0
        while missing < 3:
            path = self.path if number == 0 else self.path.with_name(f"{self.path.name}.{number}")
            number += 1
            file = _opened(path)
            missing = 0 if file else missing + 1
            if file is None:
                continue
            about = os.fstat(file.fileno())
            identity = about.st_dev, about.st_ino
            if identity == known:
                file.close()
                return found[::-1], True
            if any(each.identity == identity for each in found):
                file.close()
                continue
            rows, size, head = before(file.fileno())
            file.seek(head)
            found.append(LogFile(file, identity, rows, size))
        return found[::-1], False


def ending(path: Path, most: int = 65536) -> bytes:
    """The last whole rows of the log, about so many bytes, and across one rotation."""
    found = b""
    for each in (path, path.with_name(f"{path.name}.1")):
        file = _opened(each)
        if file is not None and len(found) < most:
            with file:
                start = max(0, os.fstat(file.fileno()).st_size - (most - len(found)))
                file.seek(start)
                block = file.read(most - len(found))
            found = (block.partition(b"\n")[2] if start else block) + found
    return found


def _opened(path: Path) -> FileIO | None:
    """The file, if there is one; a pipe or device in its place is none, and is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return FileIO(descriptor, "rb")
