"""Whether a process holds a lock file, and which. A living shim holds its lock, so pids need not be guessed."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

from facts import processes
from facts.probe import LocalProbe

TABLE = "/proc/locks"
"""The locks of this machine, one per row, readable by every user; see proc_locks(5)."""
SAFE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""No link is followed, and a FIFO in place of a lock does not block."""


def probe(name: str, path: Path) -> LocalProbe:
    """`NAME`: whether the lock at the path is held."""
    return LocalProbe(name, lambda: held(path))


def held(path: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | SAFE)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def opened(path: str | os.PathLike[str]) -> int:
    """A descriptor of the lock file, made if it is missing: a regular file of ours (for root: of anybody), 0600.

    A user who can open a file can lock it and keep it. OSError for a file of another user or of another type.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | SAFE, 0o600)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise PermissionError(errno.EPERM, "it is not a regular file")
        if os.geteuid() not in (0, about.st_uid):
            raise PermissionError(errno.EPERM, f"it is a file of uid {about.st_uid}")
        if about.st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def holders(path: str | os.PathLike[str]) -> list[int]:
    """Pids of the processes that hold the lock, of any user; what the file says is not asked. Empty without /proc."""
    found = [each.pid for each in processes.holders(path)]
    if found:
        return found
    try:
        wanted = str(os.stat(path).st_ino)
        with open(TABLE) as file:
            rows = [line.split() for line in file]
    except OSError:
        return []
    # the row's device is that of the file system, which stat does not give on btrfs and overlays: the inode decides
    rows = [row for row in rows if len(row) > 5 and row[1] == "FLOCK" and row[5].rpartition(":")[2] == wanted]
    return [pid for row in rows if (pid := int(row[4])) > 0 and processes.read(pid)]


def described(pid: int) -> str:
    """The process as a phrase: number, command and, if it is not this one, its user."""
    among, words = processes.table(), processes.command(pid)
    process = among.get(pid)
    uid = among.uid(process) if process else -1
    whose = f", uid {uid}" if uid not in (-1, os.geteuid()) else ""
    return f"pid {pid} (`{words}`{whose})" if words else f"pid {pid}"
