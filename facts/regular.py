"""Reads a file that somebody else may have put there: a regular one, whole, and not larger than it may be."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import Any

LARGEST = 16_000_000
"""Bytes of a file in which the tool notes something; none of them has a hundredth of it."""


class TooLarge(OSError):
    """The file has more bytes than it may have."""


def content(path: str | os.PathLike[str], most: int = LARGEST) -> bytes:
    """Its bytes. OSError, with a reason in `strerror`, for anything but a regular file of at most `most` bytes.

    A pipe or a device is refused and not waited for, and a file that grows while it is read ends at `most`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, f"it is {_kind(about.st_mode)} and not a regular file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            found = b"" if about.st_size > most else file.read(about.st_size + 1)
            if len(found) > about.st_size:  # it grows
                found += file.read(most)
    finally:
        os.close(descriptor)
    if max(about.st_size, len(found)) > most:
        raise TooLarge(errno.EFBIG, f"it has more than {most:,} bytes, which is the limit", str(path))
    return found


def text(path: str | os.PathLike[str], most: int = LARGEST) -> str:
    """Its text; also ValueError where it is not UTF-8."""
    return content(path, most).decode("utf-8")


def document(path: str | os.PathLike[str], most: int = LARGEST) -> Any:
    """Its JSON value; also ValueError where it is none, or one that is nested too deeply."""
    try:
        return json.loads(content(path, most))
    except RecursionError as problem:
        raise ValueError(str(problem)) from None


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
