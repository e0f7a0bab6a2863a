"""Small files of this user outside of every checkout: what a checkout brings along is never taken for one of them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

from converge import atomic
from facts import surroundings

Room = Literal["desired", "trust", "identity"]
"""`desired`: desired states that were read and checked; may be deleted at any time. `trust`: checkouts that this user
trusts. `identity`: where the checkouts are that have ids (`converge/identity.py`)."""
_STATE = ("XDG_STATE_HOME", ".local/state")
BASES = {"desired": ("XDG_CACHE_HOME", ".cache"), "trust": _STATE, "identity": _STATE}
"""Room -> the variable that names the directory above it, and its default below the home directory.
Source: https://specifications.freedesktop.org/basedir-spec, which also says to ignore a relative path."""
LARGEST = 8_000_000
"""Bytes; no file of ours is larger."""


def directory(room: Room, checkout: Path | None = None) -> Path | None:
    """Where the files of the room are; None without a home directory, or if that is inside of the checkout."""
    variable, default = BASES[room]
    base = os.environ.get(variable, "")
    if not os.path.isabs(base):
        home = surroundings.home()
        base = os.path.join(home, default) if os.path.isdir(home) else ""
    inside = checkout and os.path.join(os.path.realpath(base), "").startswith(os.path.join(checkout, ""))
    return Path(base, "dev", room) if os.path.isabs(base) and not inside else None


def read(place: Path | None, name: str) -> bytes | None:
    """The content of a file that only this user can have written; None if there is none.

    Directory and file must belong to the effective user and be writable by no other; links are not followed.
    """
    if place is None:
        return None
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not _private(os.fstat(folder)):
            return None
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or not _private(about) or about.st_size > LARGEST:
            return None
        with open(file, "rb", closefd=False) as content:
            return content.read()
    except OSError:
        return None
    finally:
        os.close(file)


def write(place: Path, name: str, content: bytes) -> None:
    """Replace the file (0600, in a directory of 0700). OSError if it cannot be written or the place is not ours."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    about = os.lstat(place)
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        raise PermissionError(f"{place} does not belong to this user")
    if stat.S_IMODE(about.st_mode) != 0o700:
        place.chmod(0o700)
    atomic.write(place / name, content, mode=0o600)


def _private(about: os.stat_result) -> bool:
    """Whether it belongs to the effective user, and no other user can change it."""
    return about.st_uid == os.geteuid() and not about.st_mode & 0o022
