"""Native services on a machine with other users: the edge has their ports, also while they restart."""

from __future__ import annotations

import http.client
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import schema
from converge.instance import Instance
from facts import peers
from facts.ports import owner
from runtime.component import LOOPBACK_FOR
from runtime.platform import Platform
from tests import stranger
from tests.conftest import HEAD, Checkout, wait_until

SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ours")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
SERVICE = '[services.api]\nkind = "command"\nport = {port}\ndev = "exec {python} server.py"\nready = {{ http = "/" }}\n'
ATTEMPTS = int(os.environ.get("BIND_ATTEMPTS", "200"))


def ask(port: int) -> str:
    """Who answers; a caller sends a secret."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    try:
        connection.request("GET", "/", headers={"Authorization": "Bearer secret"})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.fixture
def api(checkout: Checkout, free_port: Callable[[], int]) -> int:
    """Port of a service that runs natively, on a machine with other users."""
    port = free_port()
    checkout.env["DEV_SHARED"] = "yes"
    checkout.write("server.py", SERVER)
    checkout.state(SERVICE.format(port=port, python=sys.executable))
    ran = checkout.dev("start")
    assert ran.code == 0, ran.err
    return port


@stranger.needs_root
def test_a_second_user_gets_no_port_while_a_service_restarts(checkout: Checkout, api: int) -> None:
    inner, ours = LOOPBACK_FOR["native"], os.getuid()
    assert peers.uid_of_listener("127.0.0.1", api) == peers.uid_of_listener(inner, api) == ours
    others = [stranger.greedy("127.0.0.1", api, ATTEMPTS, bound=0), stranger.greedy(inner, api, ATTEMPTS)]
    os.kill(checkout.components()["api"]["pid"], signal.SIGKILL)
    wait_until(lambda: peers.uid_of_listener(inner, api) != ours)
    assert ask(api) == "ours"
    assert stranger.spoils(others[0]).bound == 0, "it had the port"
    assert stranger.spoils(others[1]).heard == b"", "a byte of a request reached the stranger"
    assert peers.uid_of_listener("127.0.0.1", api) == ours


def test_a_service_behind_the_edge_is_restarted_kept_and_stopped(checkout: Checkout, api: int) -> None:
    assert checkout.dev("restart", "api").code == 0 and ask(api) == "ours"
    before = checkout.components()["api"]
    assert before["state"] == "ready" and before["address"] == f"127.0.0.1:{api}"
    again = checkout.dev("start")
    assert again.code == 0 and checkout.components()["api"]["pid"] == before["pid"], "nothing was to do"
    assert checkout.dev("stop", "api").code == 0
    assert peers.uid_of_listener("127.0.0.1", api) is None
    assert checkout.dev("start").code == 0 and ask(api) == "ours"
    assert checkout.dev("stop").code == 0
    assert peers.uid_of_listener("127.0.0.1", api) is None and checkout.processes() == []


@stranger.needs_root
def test_the_ports_stay_ours_when_the_edge_is_killed(checkout: Checkout, api: int) -> None:
    other = stranger.greedy("127.0.0.1", api, ATTEMPTS, bound=0)
    for _ in range(3):
        edge = owner(api)
        assert edge
        os.kill(edge.pid, signal.SIGKILL)
        wait_until(lambda: (now := owner(api)) and now.pid not in (0, edge.pid))  # noqa: B023 - waited for at once
        assert ask(api) == "ours"
    assert stranger.spoils(other).bound == 0, "it had the port"


def test_a_service_that_does_not_use_its_host_is_told_what_to_do(checkout: Checkout, api: int) -> None:
    checkout.write("server.py", SERVER.replace('os.environ["HOST"]', '"127.0.0.1"'))
    text = SERVICE.format(port=api, python=sys.executable) + "retries = 1\n"
    checkout.state(text)
    ran = checkout.dev("restart", "api")
    assert ran.code == 3 and "Address already in use" in ran.err and "127.0.0.3 (HOST)" in ran.err
    checkout.state(text + 'host = "127.0.0.1"\n')
    ran = checkout.dev("start")
    assert ran.code == 0 and ask(api) == "ours", ran.err


@stranger.needs_root
def test_a_stranger_on_the_address_of_the_ide_is_named_and_gets_no_request(checkout: Checkout, api: int) -> None:
    assert checkout.dev("handoff", "api").code == 0
    with stranger.listening(LOOPBACK_FOR["ide"], api) as (other, _):
        with stranger.connected("127.0.0.1", api) as caller:
            caller.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer secret\r\n\r\n")
            assert other.say("accept") == "accept" and other.say("hear") == "0"
        said = checkout.components()["api"]
        assert said["state"] == "waiting" and f"user {stranger.UID} listens" in said["reason"]
    assert checkout.dev("handoff", "api", "--back").code == 0 and ask(api) == "ours"


@pytest.mark.parametrize(
    ("entry", "told"),
    [('kind = "go"', True), ('kind = "node"', True), ('kind = "command"\ndev = "serve --host {host}"', True),
     ('kind = "node"\ndev = "node server.js"', False), ('kind = "go"\ndev = "serve $HOST"', True),
     ('kind = "command"\ndev = "serve"\nenv = { BIND = "{host}:{port}" }', True),
     ('kind = "command"\ndev = "psql -h $PGHOST"', False), ('kind = "node"\ndev = "HOST=0.0.0.0 serve"', False),
     ('kind = "command"\ndev = "node -e serve(process.env.HOST)"', True)],
)  # fmt: skip
def test_only_a_command_that_is_told_its_address_is_moved_unasked(tmp_path: Path, entry: str, told: bool) -> None:
    loaded = schema.parse(f"{HEAD}[services.api]\nport = 20001\n{entry}\n".encode())
    component = Platform(loaded, Instance(tmp_path, "x")).component("api")
    assert component.is_service and component.told_host is told
