"""Whether a file may not be changed by anybody, as `chattr +i` and `chflags uchg` say."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from pathlib import Path

GET = 0x80086601
"""FS_IOC_GETFLAGS of linux/fs.h, which ext4, XFS, btrfs and tmpfs answer."""
FIXED = 0x10 | 0x20
"""FS_IMMUTABLE_FL and FS_APPEND_FL."""
FIXED_MACOS = stat.UF_IMMUTABLE | stat.UF_APPEND | stat.SF_IMMUTABLE | stat.SF_APPEND


def immutable(path: Path) -> bool:
    """Whether the file or directory is immutable or append-only; False where that cannot be found out."""
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            return False
        if (flags := getattr(about, "st_flags", None)) is not None:  # macOS and the BSDs
            return bool(flags & FIXED_MACOS)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        answer = fcntl.ioctl(descriptor, GET, bytes(8))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return bool(int.from_bytes(answer, sys.byteorder) & FIXED)
