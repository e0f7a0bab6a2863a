"""What may have become of a path: sixteen ways, each of which says whether it fits what is there."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import removed

STRANGER = 54322
"""A second user, who owns what is called `others`."""
FUTURE = 4_000_000_000
"""A modification time, in the year 2096."""


class DoesNotFit(Exception):
    """The path is not of a kind that could be damaged so, or the file system cannot do it."""


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        removed(path)
    else:
        path.unlink()


def _file(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise DoesNotFit


def _instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else in its place, of the same user."""

    def act(path: Path) -> None:
        about = path.lstat()
        _remove(path)
        make(path)
        os.chown(path, about.st_uid, about.st_gid, follow_symlinks=False)

    return act


def _content(make: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        _file(path)
        path.write_bytes(make(path.read_bytes()))

    return act


def _other_kind(path: Path) -> None:
    """A file in place of a directory, a directory in place of a file."""
    if path.is_dir():
        _instead(lambda place: place.write_bytes(b"not a directory\n"))(path)
    else:
        _instead(lambda place: place.mkdir())(path)


def _emptied(path: Path) -> None:
    if path.is_dir():
        _instead(lambda place: place.mkdir(mode=0o700))(path)
    else:
        _content(lambda _: b"")(path)


def _socket(path: Path) -> None:
    held, before = socket.socket(socket.AF_UNIX), os.getcwd()
    os.chdir(path.parent)  # such names are short
    try:
        held.bind(path.name)
    finally:
        os.chdir(before)
        held.close()


def _device(path: Path) -> None:
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero, which never ends


def _immutable(path: Path) -> None:
    if path.is_symlink() or subprocess.run(["chattr", "+i", str(path)], capture_output=True).returncode:
        raise DoesNotFit


def _linked(path: Path) -> None:
    """A second name of another file of the same user."""
    _file(path)
    other = path.parent.parent / "victim"
    shutil.copy2(path, other)
    about = path.stat()
    os.chown(other, about.st_uid, about.st_gid)
    path.unlink()
    os.link(other, path)


def _sparse(path: Path) -> None:
    _file(path)
    os.truncate(path, 20 << 30)


def _only_read(path: Path) -> None:
    path.chmod(0o555 if path.is_dir() else 0o444)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "deleted": _remove,
    "emptied": _emptied,
    "truncated": _content(lambda data: data[: len(data) // 2]),
    "garbage": _content(lambda data: b"\x00\x1b[31m{\"'$(" * 40),
    "other kind": _other_kind,
    "pipe": _instead(lambda path: os.mkfifo(path, 0o600)),
    "link loop": _instead(lambda path: path.symlink_to(path.name)),
    "socket": _instead(_socket),
    "device": _instead(_device),
    "unreadable": lambda path: path.chmod(0),
    "read-only": _only_read,
    "others": lambda path: os.chown(path, STRANGER, STRANGER, follow_symlinks=False),
    "immutable": _immutable,
    "hard link": _linked,
    "sparse": _sparse,
    "future": lambda path: os.utime(path, (FUTURE, FUTURE)),
    "not UTF-8": _content(lambda data: b"\xff\xfe\xe9=\xe9\n" + data),
    "other shape": _content(lambda _: b'[1, {"schema": {"a": []}}, null, "x"]'),
    "other version": _content(lambda _: b'{"schema": 99, "version": 99, "state": 7, "path": null, "pid": "one"}'),
}
"""Name -> the act; it raises DoesNotFit."""
OF_FILES = ("truncated", "garbage", "hard link", "sparse", "not UTF-8", "other shape", "other version")
"""Those that a directory cannot have."""


def undo(path: Path, uid: int) -> None:
    """The way out that messages name: it may be removed, belongs to its user and is not closed."""
    for each in (path, *path.parents):
        if os.path.lexists(each):
            if not each.is_symlink():
                subprocess.run(["chattr", "-i", str(each)], capture_output=True)
                if each != path:
                    break
                os.chown(each, uid, uid)
                each.chmod(0o755 if each.is_dir() else 0o600)
            break
    if os.path.lexists(path):
        _remove(path)
