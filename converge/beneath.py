"""Files below a directory that is ours: no link is followed on the way to them, also if one is put there meanwhile."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from converge import atomic

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Linked(OSError):
    """A directory on the way is a link."""


def write(base: Path, path: str, content: bytes, mode: int) -> None:
    """Replace the file whole; directories on the way are made. `Linked` if one of them is a link, or else OSError."""
    with _parent(base, path) as (folder, name):
        fresh = atomic.temporary(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=folder)
        try:
            with open(os.open(fresh, flags, 0o600, dir_fd=folder), "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(fresh, dir_fd=folder)
            raise
        os.fsync(folder)


def make_directory(base: Path, path: str, mode: int) -> None:
    """The directory with those above it; its own permission bits are set. Errors as of `write`."""
    with _parent(base, path) as (above, name), _entered(above, name, base / path) as folder:
        os.fchmod(folder, mode)


@contextlib.contextmanager
def _parent(base: Path, path: str) -> Iterator[tuple[int, str]]:
    """The open directory that has the entry, and the entry's name."""
    *above, name = PurePath(path).parts
    at = base
    with contextlib.ExitStack() as held:
        folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        held.callback(os.close, folder)
        for each in above:
            at /= each
            folder = held.enter_context(_entered(folder, each, at))
        yield folder, name


@contextlib.contextmanager
def _entered(above: int, name: str, path: Path) -> Iterator[int]:
    """The open directory of that name, made if it is missing."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=above)
    try:
        folder = os.open(name, FOLDER, dir_fd=above)
    except OSError as problem:
        if _is_link(above, name):
            raise Linked(errno.ELOOP, "it is a link, and may lead out of the checkout", str(path)) from None
        problem.filename = str(path)
        raise
    try:
        yield folder
    finally:
        os.close(folder)


def _is_link(above: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
    except OSError:
        return False
