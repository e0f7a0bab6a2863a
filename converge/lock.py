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
from typing import Any

from converge import own_files
from converge.errors import DevError, Exit
from converge.instance import store
from facts import locks, processes

LOCK_TIMEOUT = 60.0
"""Seconds that a run without a terminal waits if no limit was given."""
PATIENCE = 900.0
"""The same on a terminal, where the user reads what holds it: a first start takes minutes."""

DIRECTORY = "locks"
"""Where the locks of a store are; 0700."""

_held: set[Path] = set()


def system() -> Path:
    """Held while a step reaches beyond the checkout: one file for each user, in a directory of that user alone.

    In a place that all users share, any of them could keep it for ever. Between users the package manager's own lock
    decides (`converge/engine_main.py` has its timeout).
    """
    return store() / DIRECTORY / "system"


@contextlib.contextmanager
def hold(
    path: Path, timeout: float | None = None, say: Callable[[str], None] | None = None, what: str = "this checkout"
) -> Iterator[None]:
    """Hold the lock file for the length of the block; inside such a block of this process it is a no-op.

    Waits up to `timeout` seconds, says once which process it waits for, and raises DevError `locked` (exit 75) after
    that. Without `timeout` it waits `PATIENCE` seconds on a terminal, else `LOCK_TIMEOUT`. `what` is for the message.
    """
    key = Path(os.path.realpath(path))
    if key in _held:
        yield
        return
    if timeout is None:
        timeout = PATIENCE if sys.stderr.isatty() and sys.stdin.isatty() else LOCK_TIMEOUT
    descriptor = _open(path)
    try:
        _take(descriptor, path, timeout, say, what)
        _sign(descriptor)
        _held.add(key)
        yield
    finally:
        _held.discard(key)
        os.close(descriptor)


def holder(path: Path) -> str:
    """Who holds the lock, as a phrase: by the kernel's table, the file only adds what that process said of itself."""
    told = _signed(path)
    pids = locks.holders(path) if processes.LINUX else [told["pid"]] if told else []
    if not pids:
        return "another ./dev"
    if told and told["pid"] in pids:
        return f"pid {told['pid']} (./dev {told['command']}, for {max(0, int(time.time()) - told['since'])} s)"
    return locks.described(pids[0])


def _signed(path: Path) -> dict[str, Any] | None:
    try:
        told = own_files.document(path)
        return {"pid": int(told["pid"]), "command": str(told["command"]), "since": int(told["since"])}
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def _open(path: Path) -> int:
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if path.parent.name == DIRECTORY else 0o777)
        return locks.opened(path)
    except OSError as problem:
        raise own_files.refused(f"{path} cannot be written", problem, path) from problem


def _take(descriptor: int, path: Path, timeout: float, say: Callable[[str], None] | None, what: str) -> None:
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
                f"{what} is held by {holder(path)}",
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
