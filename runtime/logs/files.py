"""The files of one log, oldest first. They are kept open while they are read, so that a rotation removes none."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from runtime.logs.writer import before, rotated

BLOCK = 1024 * 1024
"""Bytes that are read at once."""
LOOK = 0.1
"""Seconds between two looks for newer files while there is something to read."""
LARGEST = 32 * 1024 * 1024
"""Bytes of one file that are read at most, its last ones; a log is rotated long before."""
HELD = 64
"""Files that are kept open; a reader that is further behind misses lines and says how many."""


class LogFile:
    """One file of a log, kept open while it is read."""

    def __init__(self, file: FileIO) -> None:
        self.file = file
        about = os.fstat(file.fileno())
        self.identity = about.st_dev, about.st_ino
        if about.st_size > LARGEST:
            file.seek(about.st_size - LARGEST)
        self.before: tuple[int, int] | None = None
        """Rows and bytes of the log before this file, once its first row was read."""
        self.rows = self.size = 0
        """Rows and bytes of the log up to the place that is read next."""

    def more(self, most: int = BLOCK) -> bytes:
        """The next bytes; a file that was truncated is read from its beginning."""
        if os.fstat(self.file.fileno()).st_size < self.file.tell():
            self.file.seek(0)
        block = self.file.read(most)
        if block and self.before is None:
            rows, size, head = before(block)
            self.before = self.rows, self.size = rows, size
            block = block[head:] or self.file.read(most)
        self.rows, self.size = self.rows + block.count(b"\n"), self.size + len(block)
        return block


class Trail:
    """A log from its oldest file on. First `earlier`: what existed when it was made; then `read`: the rest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rest = b""
        self._files: deque[LogFile] = deque()
        self._read: tuple[int, int] | None = None
        """Rows and bytes of the log up to the end of the file that was read before this one."""
        self._highest = 0
        """Number of the newest rotated file that was seen."""
        self._looked = 0.0
        self._look()
        self._end = os.fstat(self._files[-1].file.fileno()).st_size if self._files else 0

    def earlier(self) -> Iterator[bytes]:
        """Whole rows that existed when this was made; `read` gives the rows after them."""
        while self._files:
            newest = len(self._files) == 1
            most = min(BLOCK, self._end - self._files[0].file.tell()) if newest else BLOCK
            block = self._files[0].more(most) if most > 0 else b""
            if block:
                yield self._whole(block)
            elif newest:
                return
            else:
                yield self._next()
                self._read = None

    def read(self) -> bytes:
        """The next whole rows of one file; empty if there are none now."""
        if time.monotonic() > self._looked + LOOK:
            self._look()
        while self._files:
            if (block := self._files[0].more()) or len(self._files) == 1:
                if block:
                    return self._missing() + self._whole(block)
                if not self._look():
                    return b""
            elif rows := self._next():  # read to its end after a newer file was found
                return rows
        return b""

    def close(self) -> None:
        """Close the files."""
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

    def _next(self) -> bytes:
        """Continue with the next file; gives the last row of this one if it has no line feed."""
        old = self._files.popleft()
        old.file.close()
        self._read = (old.rows, old.size) if old.before is not None else self._read
        row, self._rest = self._rest, b""
        return row + b"\n" if row else b""

    def _missing(self) -> bytes:
        """A row that says how many rows are missing between the previous file and this one; empty if none are."""
        read, self._read, there = self._read, None, self._files[0].before
        if read is None or there is None or there[0] <= read[0]:
            return b""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23]
        rows, size = there[0] - read[0], there[1] - read[1]
        return f"{stamp}Z ! {rows} lines ({size} bytes) were rotated away before they could be shown\n".encode()

    def _look(self) -> bool:
        """Open files that are newer than the newest one that is open; whether there are any.

        The log itself is opened before the directory is listed: if it is rotated in between, it is found twice.
        """
        self._looked = time.monotonic()
        log, known = _opened(self.path), {each.identity for each in self._files}
        try:
            numbers = sorted(rotated(str(self.path)))
        except OSError:
            numbers = []
        fresh = [_opened(self.path.with_name(f"{self.path.name}.{n}")) for n in numbers if n > self._highest]
        self._highest = numbers[-1] if numbers else 0
        count = len(self._files)
        for file in [*fresh, log]:
            each = LogFile(file) if file else None
            if each and each.identity not in known:
                known.add(each.identity)
                self._files.append(each)
            elif each:
                each.file.close()
        while len(self._files) > HELD:
            self._files[1].file.close()
            del self._files[1]
        return len(self._files) > count


def ending(path: Path, most: int = 65536) -> bytes:
    """The last whole rows of the log, about `most` bytes, across at most one rotation."""
    found = b""
    try:
        newest = max(rotated(str(path)), default=0)
    except OSError:
        newest = 0
    for each in (path, path.with_name(f"{path.name}.{newest}")):
        file = _opened(each)
        if file is not None and len(found) < most:
            with file:
                start = max(0, os.fstat(file.fileno()).st_size - (most - len(found)))
                file.seek(start)
                block = file.read(most - len(found))
            found = (block.partition(b"\n")[2] if start else block) + found
    return found


def _opened(path: Path) -> FileIO | None:
    """The file if it exists; None for a pipe or a device, which could block."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return FileIO(descriptor, "rb")
