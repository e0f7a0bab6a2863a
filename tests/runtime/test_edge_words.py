"""What the edge answers to a command, or does not; and where a component answers by the owner map."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from converge import schema
from converge.instance import Instance
from runtime.platform import Platform
from runtime.routes import owner_map
from runtime.services import debugging
from tests.conftest import HEAD

Answers = Callable[[bytes], list[bytes]]


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path, "x")


@pytest.fixture
def edge(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Something on the control socket of the edge that gives this answer; the words that it was asked."""
    directory = owner_map.edge(instance).directory
    directory.mkdir(parents=True)
    servers = []

    def start(answer: bytes) -> list[bytes]:
        asked: list[bytes] = []
        server = socket.socket(socket.AF_UNIX)
        monkeypatch.chdir(directory)  # the path of a socket may be too long
        server.bind("control.sock")
        server.listen()
        servers.append(server)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(100))
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return asked

    yield start
    for server in servers:
        server.close()


def test_the_answer_of_the_edge_is_its_document(instance: Instance, edge: Answers) -> None:
    asked = edge(json.dumps({"a": 1}).encode() + b"\n")
    assert owner_map._ask_edge(instance, "reload") == {"a": 1} and asked == [b"reload\n"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b'{"": "port 5000 is taken"}\n', "port 5000 is taken"), (b"", "closed the connection"),
     (b"what?\n", "closed the connection")],
)  # fmt: skip
def test_an_edge_that_cannot_is_an_error_with_its_words(
    instance: Instance, edge: Answers, answer: bytes, why: str
) -> None:
    edge(answer)
    with pytest.raises(OSError, match=why):
        owner_map._ask_edge(instance, "reload")


def test_the_owner_map_is_open_while_its_file_is_there(instance: Instance) -> None:
    assert not owner_map.is_open(instance)
    instance.owner_map.parent.mkdir(parents=True)
    instance.owner_map.write_text("")
    assert owner_map.is_open(instance)


def test_a_debugger_that_does_not_listen_is_told_from_one_of_others(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    text = f"[services.a]\nkind = 'python'\napp = 'm:a'\nport = {free_port()}\ndebug_port = {port}\n"
    component = Platform(schema.parse((HEAD + text).encode()), Instance(tmp_path, "x")).component("a")
    assert debugging.why_not(component) == f"its debugger does not listen on {port} yet"
    with socket.create_server(("127.0.0.1", port)):
        assert debugging.why_not(component).endswith(f"listens on {port}")


def test_a_name_has_the_owner_that_it_was_given(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    monkeypatch.setattr(owner_map, "refresh", lambda platform, first: told.append(first))
    platform = Platform(schema.parse(HEAD.encode()), instance)
    instance.owner_map.parent.mkdir(parents=True)
    owner_map._write(instance, {"a": owner_map.Route("native", "127.0.0.2"), "b": owner_map.Route("docker")})
    owner_map.own(platform, "unknown", "native")
    owner_map.own(platform, "b", "docker")
    assert told == []
    owner_map.own(platform, "a", "docker")
    owner_map.own(platform, "b", "ide", "127.0.0.3")
    assert told == [False, True]
    assert owner_map.routes(instance) == {"a": owner_map.Route("docker"), "b": owner_map.Route("ide", "127.0.0.3")}


def test_the_edge_is_told_the_ports_and_the_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "[services.a]\nkind = 'command'\ndev = 'x'\nport = 20001\n[services.b]\nkind = 'command'\ndev = 'x'\n"
    for name, shared in (("", "no"), ("two", "yes")):
        monkeypatch.setenv("DEV_SHARED", shared)
        instance = Instance(tmp_path, "x", name)
        found = owner_map._spec(Platform(schema.parse((HEAD + text).encode()), instance))
        port = instance.port(20001)
        expected: dict[str, Any] = {"port": port, "protocol": "http"}
        if shared == "yes" and os.geteuid() == 0:
            expected["run"] = [str(instance.state / "run/a/processes.json"), instance.mark("a")]
        assert found["services"] == {"a": expected} and found["due"] == {}
        assert found["back"][1:] == ["-C", str(tmp_path), *(["--instance", "two"] if name else [])]
        assert found["directory"] == str(instance.routes) and found["control"].endswith("/control.sock")
        assert (instance.routes / "host").is_dir()
        assert found.get("users") == ({"no": None, "yes": sorted({0, os.getuid()})}[shared])


def test_what_does_not_run_is_at_no_address(tmp_path: Path) -> None:
    text = "[services.a]\nkind = 'command'\ndev = 'x'\nport = 20001\n"
    component = Platform(schema.parse((HEAD + text).encode()), Instance(tmp_path, "x")).component("a")
    assert owner_map._now(component) == owner_map.Route("none")
