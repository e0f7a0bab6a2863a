"""Which container publishes a port, asked of an engine on a socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facts.containers import Container, publishers
from facts.engine import EngineError

ROWS = [
    {"Names": ["/web-1"], "Labels": {"com.docker.compose.project": "p"},
     "Ports": [{"PublicPort": 80, "PrivatePort": 1}, {"PrivatePort": 2}]},
    {"Names": ["/lone"], "Labels": {}, "Ports": [{"PublicPort": 81}, {"PublicPort": 82}]},
    {"Names": ["/none"], "Labels": {}, "Ports": None},
]  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[[bytes], str]]:
    """Address of an engine that answers everything with this body."""
    servers = []

    def start(body: bytes) -> str:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(tmp_path / "d.sock"))
        server.listen()
        servers.append(server)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    head = b"HTTP/1.1 200 OK\r\nServer: Docker/28.0 (linux)\r\nContent-Length: %d\r\n\r\n" % len(body)
                    connection.sendall(head + body)

        threading.Thread(target=serve, daemon=True).start()
        return f"unix://{tmp_path}/d.sock"

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("named", [True, False])
def test_each_public_port_has_its_container(
    engine: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    host = engine(json.dumps(ROWS).encode())
    monkeypatch.setenv("DOCKER_HOST", host)
    lone = Container("lone", "")
    assert publishers(host if named else "") == {80: Container("web-1", "p"), 81: lone, 82: lone}


def test_without_an_engine_nothing_publishes(tmp_path: Path) -> None:
    assert publishers(f"unix://{tmp_path}/none.sock") == {}


def test_an_engine_that_answers_something_else_is_an_error(engine: Callable[[bytes], str]) -> None:
    with pytest.raises(EngineError):
        publishers(engine(b"not json"))
