"""Bugs that users of similar tools reported in public, tried on this one: docs/promises.md has the list."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable

import pytest

from converge import envfile
from facts.env import parse
from tests.conftest import TOOL, Checkout

SERVE = "exec python3 -m http.server $PORT --bind 127.0.0.1"
SERVER = """
import os, socket
server = socket.socket()
try:
    server.bind(("127.0.0.1", int(os.environ["PORT"])))
except OSError as problem:
    raise SystemExit(str(problem))
server.listen()
while True:
    client, _ = server.accept()
    client.recv(99)
    client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    client.close()
"""


def service(name: str, port: int, dev: str = SERVE, more: str = "") -> str:
    return f"[services.{name}]\nkind = 'command'\nport = {port}\ndev = '''{dev}'''\n{more}\n"


def test_a_reader_that_goes_away_gets_one_exit_code_and_ends_nothing(
    checkout: Checkout, free_port: Callable[[], int]
) -> None:
    """GoogleContainerTools/skaffold 510: with its output in a pipe, an interrupted run did not clean up."""
    checkout.state(service("a", free_port()) + service("b", free_port()))
    assert checkout.dev("start", "a").code == 0
    before = checkout.components()["a"]["pid"]
    for argv in (["status"], ["doctor"], ["start", "absent"], ["absent"], ["stop", "-x"], ["start"]):
        read, write = os.pipe()
        os.close(read)
        ran = subprocess.Popen(
            [TOOL / "dev", "-C", checkout.path, *argv], env=checkout.environment(), stdout=write, stderr=write
        )
        os.close(write)
        assert ran.wait(60) == 141, argv
    assert checkout.components()["a"]["pid"] == before and checkout.dev("start").code == 0


def test_a_port_that_only_closed_connections_hold_is_explained(
    checkout: Checkout, free_port: Callable[[], int]
) -> None:
    """cachix/devenv 2647: after a stop no process listened, and a start failed with `already in use` for a minute."""
    port = free_port()
    checkout.write("server.py", SERVER)
    checkout.state(service("a", port, "exec python3 server.py", "ready = { http = '/' }\nretries = 0"))
    assert checkout.dev("start").code == 0
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while client.recv(99):  # it closes first, so that its side waits
            pass
    ran = checkout.dev("restart", "a")
    assert ran.code == 3 and f"nothing listens on port {port}" in ran.err and "SO_REUSEADDR" in ran.err, ran.err
    assert checkout.dev("status").code == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ONE='\nmulti\nline=x\n'\n", 2),
        ('A=1\n# a key\nONE="-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w\n"\n', 4),
        ("ONE=first \\\n  second\n", 2),
        ("export\nONE=1\n", 1),
    ],
)
def test_a_value_of_many_lines_is_named_by_its_line_and_not_cut(text: str, line: int, checkout: Checkout) -> None:
    """DarthSim/overmind 172: with such a value, the whole file was passed over in silence."""
    checkout.state("[env]\nONE = { required = false, secret = true }\n")
    checkout.write(".dev/values", text, 0o600)
    looked, started = checkout.dev("doctor"), checkout.dev("start")
    assert looked.code == 5 and f"line {line} is not NAME=VALUE" in looked.out, looked
    assert started.code in (4, 5) and f"line {line}" in started.err, started
    assert "MIIE" not in looked.out + started.err and checkout.dev("stop").code == 0


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r", "$A", "'$A'", '"', "a=b", "é"])
def test_a_value_is_taken_as_it_is_written_and_kept_in_a_change_of_others(odd: str) -> None:
    """DarthSim/overmind 44, docker/compose 2507: in a value, other text was put in the place of `$` and a name."""
    text = f"ONE=a{odd}NAME=b\r\nTWO=2\n"
    for each in (text, envfile.changed(text, {"TWO": "3"}), envfile.changed(text, {"NAME": "4"})):
        assert parse(each)["ONE"] == f"a{odd}NAME=b", each


def test_a_byte_order_mark_hides_no_value(checkout: Checkout) -> None:
    """asdf-vm/asdf 1645: an editor of another system left bytes in the file that belong to no line."""
    checkout.state("[env]\nONE = {}\nTWO = {}\n")
    (checkout.path / ".dev").mkdir(0o700)
    checkout.write(".dev/values", "\ufeffONE=1\r\nTWO=2\r\n", 0o600)
    ran = checkout.dev("doctor")
    assert ran.code == 0 and "ONE" in ran.out, ran
