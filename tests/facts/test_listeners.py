"""Listening sockets, asked of the kernel and read from /proc: both ways give the same."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from facts import listeners, ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells by sock_diag and /proc")


def opened(keep: ExitStack, host: str, backlog: int | None = 5) -> socket.socket:
    """A socket on a free port; without a backlog it does not listen."""
    made = keep.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
    made.bind((host, 0))
    if backlog is not None:
        made.listen(backlog)
    return made


@pytest.fixture
def keep() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def by_kernel() -> list[listeners.Listener]:
    try:
        return [each for family in (socket.AF_INET, socket.AF_INET6) for each in listeners.asked(family)]
    except OSError as problem:
        pytest.skip(f"no sock_diag here: {problem}")


def expected(made: socket.socket) -> listeners.Listener:
    host, port = made.getsockname()[:2]
    return "" if ":" in host else host, port, os.fstat(made.fileno()).st_ino


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.3", "0.0.0.0", "::1", "::"])
def test_both_ways_see_the_same_socket(keep: ExitStack, host: str) -> None:
    try:
        made = opened(keep, host)
    except OSError as problem:
        pytest.skip(f"no {host} here: {problem}")
    assert expected(made) in by_kernel() and expected(made) in list(listeners.read())
    found = ports.owner(made.getsockname()[1], "127.0.0.3" if host == "127.0.0.3" else ports.HOME)
    assert found is not None and found.pid == os.getpid()


def test_many_sockets_are_all_seen(keep: ExitStack) -> None:
    """The answer of the kernel has several parts."""
    wanted = {expected(opened(keep, "127.0.0.1")) for _ in range(400)}
    assert wanted <= set(by_kernel()) and wanted <= set(listeners.read())


@pytest.mark.parametrize("what", ["bound only", "connected", "accepted"])
def test_what_does_not_listen_is_not_given(keep: ExitStack, what: str) -> None:
    server = opened(keep, "127.0.0.1")
    client = keep.enter_context(socket.create_connection(server.getsockname()))
    accepted = keep.enter_context(server.accept()[0])
    one = {"bound only": opened(keep, "127.0.0.1", None), "connected": client, "accepted": accepted}[what]
    number = os.fstat(one.fileno()).st_ino
    assert number not in {inode for *_, inode in by_kernel()} | {inode for *_, inode in listeners.read()}


@pytest.mark.parametrize("problem", [PermissionError(1, "no"), OSError(93, "no such protocol"), TimeoutError()])
def test_without_sock_diag_proc_is_read(keep: ExitStack, problem: OSError) -> None:
    made = opened(keep, "127.0.0.1")

    def refused(_: int) -> list[listeners.Listener]:
        raise problem

    assert expected(made) in listeners.look(refused)
