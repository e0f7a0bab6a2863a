"""The tool's own files below `.dev`: regular files only, opened without waiting; the error for one that is unusable."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

from converge.errors import DevError
from facts import regular

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
TYPES = {
    stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFREG: "a file",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip
"""File type of stat(2) -> its name in messages."""


def opened(path: Path, flags: int, mode: int = 0o600) -> int:
    """A descriptor of the regular file. OSError with the path if it cannot be opened, or is of another type.

    A named pipe in its place is not waited for.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def text(path: Path) -> str:
    """The content of the regular file; bytes that are not UTF-8 are replaced. OSError as `facts.regular.content`."""
    return regular.content(path).decode("utf-8", "replace")


def document(path: Path) -> Any:
    """Its JSON value. OSError as `facts.regular.content`; ValueError where it is none, or nested too deeply."""
    return regular.document(path)


def trouble(problem: OSError) -> DevError | None:
    """The error for a full disk, or for a file of the tool that cannot be used; None if it is about another file."""
    name = problem.filename2 or problem.filename
    path = Path(os.fsdecode(name)) if isinstance(name, str | bytes | os.PathLike) else None
    if problem.errno in NO_SPACE:
        what = f"{path} could not be written" if path else "a file could not be written"
        return DevError("disk-full", what, because=problem.strerror or "", hint="free disk space and run again")
    if path is None or not _is_own(path):
        return None
    found = _blocking(path)
    kind = "" if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else _type(found)
    return DevError(
        "not-writable", "a file or directory of ./dev cannot be used",
        because=f"{found} is {kind}" if kind else f"{path}: {problem.strerror or problem}",
        hint="move it away, then run again" if kind else "check its owner and its permissions, then run again",
    )  # fmt: skip


def _is_own(path: Path) -> bool:
    return ".dev" in path.parts or Path("/var/lib/dev") in path.parents


def _blocking(path: Path) -> Path:
    """The first part of the path that is not a directory; without one, the path itself."""
    return next((each for each in (*reversed(path.parents), path) if not each.is_dir()), path)


def _type(path: Path) -> str:
    """Its type in words; empty if there is nothing."""
    try:
        return TYPES.get(stat.S_IFMT(path.stat().st_mode), "of an unknown type")
    except OSError:
        return "a symbolic link that leads nowhere" if path.is_symlink() else ""
