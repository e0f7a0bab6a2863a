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

from converge.errors import DevError, Exit


@contextlib.contextmanager
def hold(path: Path, timeout: float = 60.0, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock file for the length of the block.

    Waits up to `timeout` seconds (as long as it takes where a person watches and `timeout` is the default), says once
    whom it waits for, and raises DevError `locked` (exit 75) when the time is over.
    """
    descriptor = _open(path)
    try:
        _take(descriptor, path, timeout, say)
        os.ftruncate(descriptor, 0)
        me = {"pid": os.getpid(), "command": " ".join(sys.argv[1:])[:200], "since": int(time.time())}
        os.pwrite(descriptor, json.dumps(me).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> str:
    """Who holds the lock, as a phrase."""
    try:
        told = json.loads(path.read_text())
        return f"pid {told['pid']} (./dev {told['command']}, for {max(0, int(time.time()) - told['since'])} s)"
    except (OSError, ValueError, KeyError, TypeError):
        return "another ./dev"


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise DevError(
            "not-writable",
            f"{path} could not be written",
            because=problem.strerror or str(problem),
            hint="a repair needs a checkout this user may write to",
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
                f"this checkout is held by {holder(path)}",
                because=f"only one run may change it at a time, and {timeout:g} s of waiting did not help",
                hint="wait for it to end, or give --lock-timeout more seconds",
                exit=Exit.LOCKED,
            )
        if say and not told:
            say(f"waiting for {holder(path)}")
            told = True
        time.sleep(0.05)
