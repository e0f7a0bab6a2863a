"""Writes the output of a component to its log file, rotates that file, and opens it again if it was removed.

Standard library only, and no other module of ./dev: the shim imports this file alone.

A row of a log file is `STAMP MARK TEXT`. The stamp is UTC with milliseconds. The mark names the stream: `|` output of
the component, `m` of its migration, `b` of its build, `c` of its container; `!` is a message of `./dev`. A `~` after it
means that the line is incomplete: the next row of the same stream continues it. The mark `=` begins a file that is not
the first: it gives the number of rows and bytes before it, so that a reader knows how many it missed.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time

LARGEST = 8 * 1024 * 1024
"""Bytes after which a log file is rotated."""
KEPT = 2
"""Rotated files that are kept; each has a number, the newest the highest."""
YOUNG = 10.0
"""Seconds for which more rotated files are kept, so that a burst can be read."""
MOST = 32
"""The most rotated files that are kept during a burst."""
SILENCE = 0.5
"""Seconds without output after which an incomplete line is written, for example a prompt."""
LINE_TIMEOUT = 2.0
"""Seconds after which an incomplete line is written although more output follows, for example progress dots."""
LONGEST = 65536
"""The most bytes of an incomplete line that are buffered."""
LOOK = 1.5
"""Seconds between two checks of the file without output."""
BEFORE = re.compile(rb"\S+ = after (\d+) rows, (\d+) bytes\n")


class Writer:
    """The log of one component, for one stream. More than one writer may have the same file."""

    def __init__(self, path: str, mark: str = "|", largest: int = LARGEST) -> None:
        self.path = path
        self.mark = mark
        self.largest = largest
        self._begun = b""
        """The part of an incomplete line that is not written yet."""
        self._first = self._last = 0.0
        """When its first and its last byte were received."""
        self._open = False
        """Whether the last row of this stream is an incomplete line."""
        self._torn = False
        """Whether the file does not end with a line feed."""
        self._lost = 0
        self._many = False
        self._file, _ = _opened(path)
        self._identity = _identity(os.fstat(self._file))
        self._torn = _is_torn(self._file)

    def take(self, block: bytes) -> None:
        """Take output. Complete lines are written at once, by one call; the rest is buffered."""
        ended, feed, rest = block.rpartition(b"\n")
        if feed:
            self._rows(self._begun + ended)
            self._begun, self._open = b"", False
            self._first = time.monotonic()
        elif not self._begun:
            self._first = time.monotonic()
        self._begun += rest
        self._last = time.monotonic()
        while len(self._begun) > LONGEST:
            self._piece(LONGEST)

    def say(self, text: str) -> None:
        """Write a message of ./dev about the component."""
        self._append(_head("!") + text.encode("utf-8", "replace").replace(b"\n", b" ") + b"\n")

    def tend(self) -> float:
        """Write an overdue incomplete line, open a removed file again; gives the seconds until the next call is due."""
        now = time.monotonic()
        if self._begun and min(self._last + SILENCE, self._first + LINE_TIMEOUT) <= now:
            self._piece(len(self._begun))
        self._settle()
        if self._many:
            self._prune()
        due = min(self._last + SILENCE, self._first + LINE_TIMEOUT) - now if self._begun else LOOK
        return min(LOOK, max(0.0, due))

    def end(self) -> None:
        """Write what is buffered at the end of a process. The writer can be used for another process afterwards."""
        if self._begun or self._open:
            self._rows(self._begun)
        self._begun, self._open = b"", False

    def close(self) -> None:
        """End, and close the file."""
        self.end()
        os.close(self._file)

    def _rows(self, lines: bytes) -> None:
        head = _head(self.mark)
        self._append(head + lines.replace(b"\n", b"\n" + head) + b"\n")

    def _piece(self, length: int) -> None:
        """Write the beginning of an incomplete line; never a part of a character."""
        cut = length
        while cut > length - 4 and cut > 1 and cut < len(self._begun) and self._begun[cut] & 0xC0 == 0x80:
            cut -= 1
        piece, self._begun = self._begun[:cut], self._begun[cut:]
        self._append(_head(self.mark + "~") + piece + b"\n")
        self._open, self._first = True, time.monotonic()

    def _append(self, rows: bytes) -> None:
        """Append to the file; without disk space lines are dropped and counted, and the component keeps running."""
        self._settle()
        note = _head("!") + b"%d lines were lost: they could not be written\n" % self._lost if self._lost else b""
        if note and not self._write(note):
            self._lost += rows.count(b"\n")
        elif not self._write(rows):
            self._lost = rows.count(b"\n")
        else:
            self._lost = 0

    def _write(self, rows: bytes) -> bool:
        rest = memoryview(b"\n" + rows if self._torn else rows)
        try:
            while rest:
                done = os.write(self._file, rest)
                self._torn = rest[done - 1] != 0x0A
                rest = rest[done:]
        except OSError:  # no disk space
            return False
        return True

    def _settle(self) -> None:
        """Open the log again if it was removed or replaced; rotate it if it is large."""
        try:
            there = os.stat(self.path)
        except OSError:
            self._again()
            return
        if _identity(there) != self._identity:
            self._again()
        elif there.st_size > self.largest and stat.S_ISREG(there.st_mode):
            self._rotate()

    def _again(self) -> None:
        """Open the present log; without a directory for it keep the old file."""
        try:
            if not os.path.isdir(os.path.dirname(self.path)):
                os.mkdir(os.path.dirname(self.path))
            fresh, made = _opened(self.path)
        except OSError:
            return
        old, self._file = self._file, fresh
        self._identity, self._torn = _identity(os.fstat(fresh)), _is_torn(fresh)
        if made:
            self._write(_head("=") + b"after %d rows, %d bytes\n" % _counted(old))
        os.close(old)

    def _rotate(self) -> None:
        """Rotate under a lock, and only the present log: two writers would rotate a new file."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        try:
            if _identity(os.stat(self.path)) != self._identity:
                return
            os.replace(self.path, f"{self.path}.{max(rotated(self.path), default=0) + 1}")
        except OSError:
            return
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._again()
        self._prune()

    def _prune(self) -> None:
        """Remove old rotated files; those of a burst after YOUNG seconds."""
        self._many = False
        try:
            numbers = sorted(rotated(self.path), reverse=True)
            for at, number in enumerate(numbers[KEPT:], KEPT + 1):
                path = f"{self.path}.{number}"
                if at > MOST or time.time() - os.stat(path).st_mtime > YOUNG:
                    os.unlink(path)
                else:
                    self._many = True
        except OSError:  # another writer does the same
            self._many = True


def rotated(path: str) -> list[int]:
    """The numbers of its rotated files, in no order."""
    directory, name = os.path.split(path)
    numbers = [entry[len(name) + 1 :] for entry in os.listdir(directory) if entry.startswith(name + ".")]
    return [int(number) for number in numbers if number.isascii() and number.isdigit() and len(number) < 10]


def before(beginning: bytes) -> tuple[int, int, int]:
    """Rows and bytes of the log before a file with this beginning, and the length of the row that gives them."""
    found = BEFORE.match(beginning)
    return (int(found[1]), int(found[2]), found.end()) if found else (0, 0, 0)


def _counted(file: int) -> tuple[int, int]:
    """Rows and bytes of the log up to the end of this file."""
    if not stat.S_ISREG(os.fstat(file).st_mode):
        return 0, 0
    rows, size, at = before(os.pread(file, 200, 0))
    while block := os.pread(file, 1 << 20, at):
        rows, size, at = rows + block.count(b"\n"), size + len(block), at + len(block)
    return rows, size


def _opened(path: str) -> tuple[int, bool]:
    """The log, and whether it was made now. Lines for a full pipe in its place are dropped, without a wait."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600), True
    except FileExistsError:
        return os.open(path, flags | os.O_CREAT, 0o600), False


def _identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def _is_torn(file: int) -> bool:
    """Whether a killed writer left an incomplete row."""
    about = os.fstat(file)
    return stat.S_ISREG(about.st_mode) and about.st_size > 0 and os.pread(file, 1, about.st_size - 1) != b"\n"


def _head(mark: str) -> bytes:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{stamp}.{int(now * 1000) % 1000:03d}Z {mark} ".encode()
