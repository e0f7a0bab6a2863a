"""One writer at a time: an advisory lock that dies with its holder and can say who that is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from converge import own_files
from converge.errors import DevError, Exit

LOCK_TIMEOUT = 60.0
"""Seconds that a run without a terminal waits if no limit was given."""
SYSTEM = Path("/tmp/dev-system.lock")
"""Held while a step reaches beyond the checkout; one file for all users, so not below TMPDIR."""

_held: set[Path] = set()


@contextlib.contextmanager
def hold(path: Path, timeout: float | None = None, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock file for the length of the block; inside such a block of this process it is a no-op.

    Waits up to `timeout` seconds, says once which run it waits for, and raises DevError `locked` (exit 75) after that.
    Without `timeout` it waits without limit on a terminal, else `LOCK_TIMEOUT` seconds.
    """
    key = Path(os.path.realpath(path))
    if key in _held:
        yield
        return
    if timeout is None:
        timeout = float("inf") if sys.stderr.isatty() and sys.stdin.isatty() else LOCK_TIMEOUT
    descriptor = _open(path)
    try:
        _take(descriptor, path, timeout, say)
        _sign(descriptor)
        _held.add(key)
        yield
    finally:
        _held.discard(key)
        os.close(descriptor)


def holder(path: Path) -> str:
    """Who holds the lock, as a phrase."""
    try:
        told = json.loads(own_files.text(path))
        return f"pid {told['pid']} (./dev {told['command']}, for {max(0, int(time.time()) - told['since'])} s)"
    except (OSError, ValueError, KeyError, TypeError):
        return "another ./dev"


def _open(path: Path) -> int:
    """The lock file; one of another user is opened for reading, which is enough to lock it."""
    safe = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | safe, 0o644)
        try:
            return os.open(path, os.O_RDWR | safe)
        except PermissionError:
            return os.open(path, os.O_RDONLY | safe)
    except OSError as problem:
        raise DevError(
            "not-writable",
            f"{path} cannot be written",
            because=problem.strerror or str(problem),
            hint="this command needs a checkout that you can write to",
        ) from problem


def _take(descriptor: int, path: Path, timeout: float, say: Callable[[str], None] | None) -> None:
    deadline = time.monotonic() + timeout
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        if time.monotonic() >= deadline:
            raise DevError(
                "locked",
                f"{'this machine' if path == SYSTEM else 'this checkout'} is held by {holder(path)}",
                because=f"only one run can change it at a time; it was still running after {timeout:g} s",
                hint="wait until it ends, or use a larger --lock-timeout",
                exit=Exit.LOCKED,
            )
        if say and not told:
            say(f"waiting for {holder(path)}")
            told = True
        time.sleep(0.05)


def _sign(descriptor: int) -> None:
    """Write our name into the lock file, but never into a file of another user."""
    about = os.fstat(descriptor)
    if about.st_uid != os.geteuid() or about.st_nlink != 1:
        return
    me = {"pid": os.getpid(), "command": " ".join(sys.argv[1:])[:200], "since": int(time.time())}
    with contextlib.suppress(OSError):  # a full disk must not keep a repair from making room
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(me).encode(), 0)
