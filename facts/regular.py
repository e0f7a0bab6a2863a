"""Reads a file that somebody else may have put there: a regular one, whole, and not larger than it may be."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class TooLarge(OSError):
    """The file has more bytes than it may have."""


def content(path: Path, most: int) -> bytes:
    """Its bytes. OSError, with a reason in `strerror`, for anything but a regular file of at most `most` bytes.

    A pipe or a device is refused and not waited for, and a file that grows while it is read ends at `most`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, f"it is {_kind(about.st_mode)} and not a regular file", str(path))
        if about.st_size > most:
            raise TooLarge(errno.EFBIG, f"it has {about.st_size:,} bytes, and the limit is {most:,}", str(path))
        found = file.read(most + 1)
    if len(found) > most:
        raise TooLarge(errno.EFBIG, f"it has more than {most:,} bytes, which is the limit", str(path))
    return found


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
