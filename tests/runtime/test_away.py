"""A connection that drops, a machine that sleeps and a terminal that changes its size, in each phase of a start."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge.instance import Instance
from tests.conftest import MARK, TOOL, Checkout, elapse, wait_until
from tests.runtime.test_installing import NPM, RUNS

SLEEP = 1.0
"""Seconds that everything stands still."""


@pytest.fixture
def place(checkout: Checkout) -> Iterator[Checkout]:
    """A service whose packages come late, and one that is ready late: both wait for a file."""
    for name in ("node", "npm"):
        checkout.write(f"bin/{name}", NPM if name == "npm" else "#!/bin/sh\necho v24.0.0\n", 0o755)
    checkout.env["PATH"] = f"{checkout.path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    checkout.write("slow/package-lock.json", "{}")
    late = "ready = { exec = 'touch asked; test -e go', timeout = 60.0 }\n"
    checkout.state(
        f"[services.slow]\nkind = 'node'\npath = 'slow'\n{RUNS}[services.late]\nkind = 'command'\n{late}{RUNS}"
    )
    yield checkout
    (checkout.path / "go").touch()


def begin(place: Checkout, terminal: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """A start in a session of its own, as one that came by SSH."""
    return subprocess.Popen(
        [str(TOOL / "dev"), "-C", str(place.path), "start"], env=place.environment({"TERM": "xterm"}), cwd=place.path,
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip


def everything(place: Checkout, start: subprocess.Popen[bytes]) -> set[int]:
    """The session of the start, what it installs with, and every process of the platform."""
    mark = f"{MARK}={Instance(place.path, 'story').id}:".encode()
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError):
            session = int(Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[3])
            inside = os.readlink(f"/proc/{entry}/cwd").startswith(str(place.path))
            if session == start.pid or inside or mark in Path("/proc", entry, "environ").read_bytes():
                found.add(int(entry))
    return found - {os.getpid()}


def tell(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def in_its_middle(place: Checkout) -> bool:
    """Whether one service is being installed, and another one is waited for until it is ready."""
    return (place.path / "slow.pid").exists() and (place.path / "asked").exists()


def heals(place: Checkout) -> None:
    """One more start is enough."""
    assert place.dev("start").code == 0
    assert {entry["state"] for entry in place.components().values()} == {"ready"}


def test_a_machine_that_sleeps_while_it_starts_and_while_it_runs(place: Checkout) -> None:
    start = begin(place)
    try:
        wait_until(lambda: in_its_middle(place), 60)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            tell(everything(place, start), number)
            elapse(SLEEP)
        (place.path / "go").touch()
        assert start.wait(60) in (0, 3)
    finally:
        start.kill()
        start.wait()
    heals(place)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        tell(everything(place, start), number)
        elapse(SLEEP)
    heals(place)
    assert place.dev("stop").code == 0 and not place.processes()


def test_a_connection_that_drops(place: Checkout) -> None:
    start = begin(place)
    try:
        wait_until(lambda: in_its_middle(place), 60)
        os.killpg(start.pid, signal.SIGHUP)
        assert start.wait(30) in (130, 143)
    finally:
        start.kill()
        start.wait()
    (place.path / "go").touch()
    heals(place)
    assert place.dev("stop").code == 0 and not place.processes()


def test_a_terminal_that_changes_its_size(place: Checkout) -> None:
    try:
        master, slave = pty.openpty()
    except OSError:
        pytest.skip("no terminal can be had here")
    shown = bytearray()
    with open(master, "rb", buffering=0) as screen:
        os.set_blocking(master, False)
        start = begin(place, slave)
        os.close(slave)

        def read() -> None:
            with contextlib.suppress(OSError):
                shown.extend(screen.read() or b"")

        try:
            for columns in (300, 40, 3, 1, 120, 300, 40):
                with contextlib.suppress(OSError):
                    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
                tell({start.pid}, signal.SIGWINCH)
                length = len(shown)
                wait_until(lambda length=length: read() or len(shown) > length, 60)
            (place.path / "go").touch()
            wait_until(lambda: read() or start.poll() is not None, 60)
        finally:
            start.kill()
            start.wait()
        read()
    assert start.returncode in (0, 3) and b"Traceback" not in shown
    assert b"slow" in shown and b"itself failed" not in shown
    for columns in ("40", "300"):
        ran = place.dev("status", env={"COLUMNS": columns})
        assert ran.code in (0, 2) and "slow" in ran.out and "late" in ran.out
