"""The edge on a machine with other users: one of them on the address of a service gets no byte of a request."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import pytest

from converge.desired import Service
from converge.instance import Instance
from facts import users
from runtime.component import LOOPBACK_FOR, ServiceComponent
from runtime.health import answers
from runtime.health.answers import Deadline
from runtime.infra import grpc, wire
from runtime.routes import owner_map
from runtime.secrets import issuer
from tests import stranger
from tests.conftest import is_free, wait_until

REQUEST = b"POST / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer secret\r\ncontent-length: 0\r\n\r\n"
ATTEMPTS = int(os.environ.get("BIND_ATTEMPTS", "300"))
"""How often a second user tries to take an address; the figure in the documentation is of a run with 10,000."""


@dataclass
class Place:
    """An edge without gateway before one service, whose process listens on `host`."""

    port: int
    host: str

    def ask(self) -> bytes:
        """Everything that is answered to a request; empty where the connection breaks."""
        with stranger.connected("127.0.0.1", self.port) as connection, suppress(OSError):
            connection.settimeout(20)
            connection.sendall(REQUEST)
            answer = b""
            while block := connection.recv(65536):
                answer += block
            return answer
        return b""


@pytest.fixture(params=sorted(LOOPBACK_FOR))
def place(request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Place]:
    """The service is handed off to an IDE, or runs natively."""
    (tmp_path / "host").mkdir()
    owner, port = str(request.param), free_port()
    made = Place(port, LOOPBACK_FOR[owner])
    (tmp_path / "owner.map").write_text(f"echo {owner}@{made.host}\n")
    services = {"echo": {"port": port, "protocol": "http"}}
    spec = {
        "services": services, "due": {}, "back": [], "control": str(tmp_path / "control.sock"),
        "directory": str(tmp_path), "users": [0, os.getuid()],
    }  # fmt: skip
    (tmp_path / "edge.json").write_text(json.dumps(spec))
    edge = subprocess.Popen([sys.executable, "-I", "-S", str(owner_map.PROGRAM), str(tmp_path / "edge.json")])
    wait_until(lambda: not is_free(port))
    yield made
    edge.kill()
    edge.wait()


class Ours:
    """Our own process on the address: it leaves it after each caller, as a restart does, until `end`."""

    def __init__(self, place: Place) -> None:
        self.address, self.over = (place.host, place.port), threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.over.is_set():
            with suppress(OSError), socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(self.address)
                listener.listen()
                listener.settimeout(0.2)
                connection = listener.accept()[0]
                listener.close()
                with connection:
                    connection.settimeout(20)
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nours")

    def end(self) -> None:
        self.over.set()
        self.thread.join()


@stranger.needs_root
def test_a_request_waits_until_the_stranger_has_left(place: Place) -> None:
    with stranger.listening(place.host, place.port) as (other, _):
        answers: list[bytes] = []
        caller = threading.Thread(target=lambda: answers.append(place.ask()))
        caller.start()
        for _ in range(3):
            assert other.say("accept") == "accept"
            assert other.say("hear") == "0", "a byte of the request reached it"
        other.say("leave")
        ours = Ours(place)
        caller.join(30)
        ours.end()
    assert answers and answers[0].endswith(b"ours")


@stranger.needs_root
def test_a_stranger_who_binds_at_every_restart_is_never_believed(place: Place) -> None:
    other, answers = stranger.greedy(place.host, place.port, ATTEMPTS), []
    ours = Ours(place)
    try:
        while other.runs():
            answers.append(place.ask())
        answers.append(place.ask())
    finally:
        ours.end()
    assert stranger.spoils(other).heard == b"", "a byte of a request reached the stranger"
    assert {answer.partition(b"\r\n\r\n")[2] for answer in answers} == {b"ours"}


@stranger.needs_root
def test_none_of_our_own_questions_reaches_a_stranger_who_binds_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    """Ports that no edge has, as those of infrastructure: the password, the issuer's secret, topics, readiness."""
    monkeypatch.setenv(users.SETTING, "yes")
    port, home = free_port(), "127.0.0.1"
    component = ServiceComponent("api", Service(kind="command", port=port), Instance(tmp_path, "story"))
    questions: list[Callable[[], object]] = [
        lambda: wire.Connection(port, "secret", verify=component.verify),
        lambda: grpc.call(port, "/google.pubsub.v1.Publisher/ListTopics", b"", verify=component.verify),
        lambda: issuer.exchange(component, "/token", {}, {"X-Issuer-Secret": "secret"}),
        lambda: answers.http(home, port, "/", Deadline.after(2), component.verify),
    ]
    other = stranger.greedy(home, port, ATTEMPTS)
    ours = Ours(Place(port, home))
    try:
        while other.runs():
            for question in questions:
                with suppress(OSError, ValueError, HTTPException, grpc.Refused, wire.Refused):
                    question()
    finally:
        ours.end()
    assert stranger.spoils(other).heard == b"", "a byte of ours reached the stranger"
