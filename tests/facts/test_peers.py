"""Whose process is at the other end of a TCP connection: played with a real second user."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from facts import peers
from tests import stranger
from tests.conftest import TOOL, wait_until

PAIRS = {
    "loopback": ("127.0.0.1", "127.0.0.1"), "another address": ("127.0.0.3", "127.0.0.3"),
    "every address": ("0.0.0.0", "127.0.0.2"), "IPv6": ("::1", "::1"), "both protocols": ("::", "127.0.0.1"),
}  # fmt: skip
"""The address on which it listens, and the one to which somebody connects."""
WAYS = ["netlink", "proc"]

pytestmark = pytest.mark.skipif(not peers.LINUX, reason="this is known on Linux alone")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to ask the kernel."""
    if request.param == "proc":
        monkeypatch.setattr(peers, "_asked", lambda own, other: None)
    return str(request.param)


@stranger.needs_root
@pytest.mark.parametrize("pair", PAIRS)
def test_the_listener_is_told_before_and_after_it_accepts(pair: str, way: str) -> None:
    listens, asked = PAIRS[pair]
    with stranger.listening(listens) as (other, port):
        assert peers.uid_of_listener(asked, port) == stranger.UID
        with stranger.connected(asked, port) as connection:
            assert peers.uid_of_peer(connection) == stranger.UID, "not accepted yet: the kernel says root, inode 0"
            other.say("accept")
            assert peers.uid_of_peer(connection) == stranger.UID
            other.say("leave")
            assert peers.uid_of_listener(asked, port) is None
            assert peers.uid_of_peer(connection) == stranger.UID


@stranger.needs_root
def test_what_was_closed_is_nobodys(way: str) -> None:
    """Also where somebody of ours listens there by now: the connection is not his."""
    with stranger.listening() as (other, port), stranger.connected("127.0.0.1", port) as connection:
        other.say("accept")
        other.say("leave")
        with socket.socket() as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ours.bind(("127.0.0.1", port))
            ours.listen()
            assert peers.uid_of_listener("127.0.0.1", port) == os.getuid()
            assert peers.uid_of_peer(connection) == stranger.UID
            other.say("close")
            assert peers.uid_of_peer(connection) is None


@stranger.needs_root
def test_a_connection_that_its_listener_never_accepted_ends_with_it(way: str) -> None:
    with stranger.listening() as (other, port), stranger.connected("127.0.0.1", port) as connection:
        other.say("leave")
        with socket.socket() as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ours.bind(("127.0.0.1", port))
            ours.listen()
            assert peers.uid_of_peer(connection) is None
            with pytest.raises(ConnectionResetError):
                connection.recv(1)


@stranger.needs_root
@pytest.mark.parametrize("pair", PAIRS)
def test_the_caller_is_told(pair: str, way: str) -> None:
    listens, asked = PAIRS[pair]
    code = (
        "caller = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
        "caller.connect((sys.argv[1], int(sys.argv[2])))\nsys.stdin.readline()\n"
    )
    with socket.socket(socket.AF_INET6 if ":" in listens else socket.AF_INET) as ours:
        ours.settimeout(10)
        ours.bind((listens, 0))
        ours.listen()
        caller = stranger.Program(code, asked, ours.getsockname()[1])
        try:
            with ours.accept()[0] as connection:
                assert peers.uid_of_peer(connection) == stranger.UID
                caller.end()
                wait_until(lambda: peers.uid_of_peer(connection) is None)
        finally:
            caller.end()


def test_ones_own_ends_are_told(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        address = ours.getsockname()
        assert peers.uid_of_listener(*address) == os.getuid()
        assert peers.uid_of_listener("127.0.0.9", address[1]) is None
        with stranger.connected(*address) as connection, ours.accept()[0] as accepted:
            assert peers.uid_of_peer(connection) == peers.uid_of_peer(accepted) == os.getuid()


def test_what_is_no_connection_has_no_peer(way: str) -> None:
    left, right = socket.socketpair()
    with left, right, socket.socket() as unconnected:
        assert peers.uid_of_peer(left) is None
        assert peers.uid_of_peer(unconnected) is None


@stranger.needs_root
def test_of_a_process_that_may_not_be_looked_at_the_user_is_told() -> None:
    """One user asks for the process of another."""
    become = "import sys; sys.path.insert(0, sys.argv[1]); from facts import ports; import os\n"
    code = become + "os.setresuid(*3 * [54322]); print(ports.owner(int(sys.argv[2])))"
    with stranger.listening() as (_, port):
        argv = [sys.executable, "-I", "-S", "-c", code, str(TOOL), str(port)]
        said = subprocess.run(argv, capture_output=True, text=True).stdout
    assert said == f"`a process of another user` (user {stranger.UID})\n"
