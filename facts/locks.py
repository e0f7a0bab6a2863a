"""Whether a process holds a lock file. A living shim holds its lock, so pids need not be guessed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from facts.probe import LocalProbe


def probe(name: str, path: Path) -> LocalProbe:
    """`NAME`: whether the lock at the path is held."""
    return LocalProbe(name, lambda: held(path))


def held(path: Path) -> bool:
    """Whether a process holds the lock; a lock of another user is opened for reading, which is enough."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
