"""Small files, written whole or not at all, even if the run is killed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

LONGEST = 100
"""Bytes of a name in the name of its temporary file; file systems allow 255 bytes."""


def write(path: Path, content: str | bytes, durable: bool = False, mode: int = 0o600) -> None:
    """Replace the file; its directory is made if there is none. A `durable` file is on the disk before this returns.

    `mode` are the permission bits before the umask; without it, no other user may read the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(temporary(path.name))
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(begun(fresh, mode), "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    if durable:
        sync(path.parent)


def begun(fresh: Path, mode: int) -> int:
    """A descriptor of a new, empty file; what a killed process left at its path is not written to, nor followed."""
    fresh.unlink(missing_ok=True)
    return os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def temporary(name: str) -> str:
    """Name of the file in the same directory that becomes `name` when it is whole: `.NAME.PID.THREAD.new`.

    What a killed process left is known by it (`converge/temporaries.py`).
    """
    return f".{shortened(name)}.{os.getpid()}.{threading.get_native_id()}.new"


def shortened(name: str) -> str:
    """As much of a name as a temporary file's has of it."""
    return name.encode("utf-8", "surrogateescape")[:LONGEST].decode("utf-8", "ignore")


def private(path: str, flags: int) -> int:
    """An `opener` of `open`: a file that it makes is for its owner alone, whatever the umask says."""
    return os.open(path, flags, 0o600)


def sync(directory: Path) -> None:
    """Make a rename or a removal inside the directory survive a power cut."""
    held = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
