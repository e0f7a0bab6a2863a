"""Docker as it is found: a case in docker/ lays out a machine's files and sockets, and says what they mean."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from facts import compose, daemon, docker, layers
from facts.docker import Here
from facts.engine import Engine, EngineGone
from facts.tools import Versions
from tests.promises import faults

CASES = sorted((Path(__file__).parent / "docker").glob("*.toml"))


@pytest.fixture
def listen() -> Iterator[Callable[[Path, str], None]]:
    """Something that listens on a socket and answers every request with this text; `nobody` has left it behind."""
    servers = []

    def serve(server: socket.socket, answer: bytes) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.recv(4096)
            connection.sendall(answer)
            connection.close()

    def start(path: Path, said: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        if said == "nobody":
            server.close()
            return
        server.listen(4)
        servers.append(server)
        threading.Thread(target=serve, args=(server, said.encode()), daemon=True).start()

    yield start
    for server in servers:
        server.close()


def machine(root: Path, case: dict[str, Any], listen: Callable[[Path, str], None]) -> Here:
    """The machine of the case below `root`; `{root}` in a text is where it lies."""
    for name, text in case.get("files", {}).items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{root}", str(root)))
        path.chmod(0o755)
    for name, said in case.get("sockets", {}).items():
        listen(root / name, said)
    env = {name: text.replace("{root}", str(root)) for name, text in case.get("env", {}).items()}
    return Here({"HOME": str(root / "home/bo"), "PATH": "/usr/bin", **env}, root, case.get("system", "linux"))


@pytest.fixture
def root() -> Iterator[Path]:
    """A short place: a socket's path ends at 108 bytes."""
    place = Path(tempfile.mkdtemp(prefix="d", dir="/tmp"))
    yield place
    shutil.rmtree(place)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_golden(case: Path, root: Path, listen: Callable[[Path, str], None]) -> None:
    wanted = tomllib.loads(case.read_text("utf-8"))
    here = machine(root, wanted, listen)
    found = {**vars(docker.look(here)), **{f"daemon.{key}": value for key, value in vars(daemon.look(here)).items()}}
    seen = {key: str(value).replace(str(root), "{root}") if isinstance(value, str) else value
            for key, value in found.items() if key in wanted["fact"]}  # fmt: skip
    assert seen == wanted["fact"]


def test_every_state_and_flavour_has_a_case() -> None:
    facts = [tomllib.loads(case.read_text("utf-8"))["fact"] for case in CASES]
    assert {fact["state"] for fact in facts} >= set(docker.State.__args__) - {"denied"}
    assert {fact.get("flavour") for fact in facts} >= set(docker.Flavour.__args__)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without rights")
@pytest.mark.parametrize(("said", "state"), [("", "denied"), ("nobody", "stale")])
def test_a_socket_of_others_is_denied_only_if_somebody_listens(
    root: Path, listen: Callable[[Path, str], None], said: str, state: str
) -> None:
    here = machine(root, {"files": {"usr/sbin/dockerd": ""}, "sockets": {"var/run/docker.sock": said}}, listen)
    here.root.chmod(0o755)
    (root / "proc").symlink_to("/proc")
    (root / "var/run/docker.sock").chmod(0o600)
    os.seteuid(65534)
    try:
        assert docker.look(here).state == state
    finally:
        os.seteuid(0)


def test_our_own_engine_is_known_by_pid_start_and_boot(tmp_path: Path) -> None:
    state = tmp_path / "engine.json"
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    state.write_text(f'{{"pid": {os.getpid()}, "start": {start}, "boot": "{boot}"}}')
    assert daemon.own(state) == os.getpid()
    state.write_text(f'{{"pid": {os.getpid()}, "start": {int(start) + 1}, "boot": "{boot}"}}')
    assert daemon.own(state) == 0
    assert daemon.own(tmp_path / "none") == 0


def plugin(path: Path, version: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho asked >>{path}.asked\necho {version}\n")
    path.chmod(0o755)


def test_compose_is_the_plugin_that_docker_would_take(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "versions.json")
    env = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}
    assert compose.look(versions, env) == compose.Plugin()
    plugin(tmp_path / "bin/docker-compose", "1.29.2")
    assert compose.look(versions, env).version == "1.29.2"
    own = tmp_path / ".docker/cli-plugins/docker-compose"
    plugin(own, "v2.26.1-4")
    assert compose.look(versions, env) == compose.Plugin(str(own), "2.26.1")
    (tmp_path / ".docker/config.json").write_text(f'{{"cliPluginsExtraDirs": ["{tmp_path / "extra"}"]}}')
    plugin(tmp_path / "extra/docker-compose", "2.40.3")
    assert compose.look(versions, env).version == "2.40.3"


def test_no_compose_is_taken_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("docker-compose", "bin/docker-compose", "tmp/.docker/cli-plugins/docker-compose"):
        plugin(tmp_path / name, "2.40.3")
    for path in (".", ":/nowhere", "bin:/nowhere", "./bin"):
        found = compose.look(Versions(tmp_path / "versions.json"), {"HOME": "tmp", "PATH": path}).path
        assert not found or (os.path.isabs(found) and str(tmp_path) not in found)


def test_compose_is_asked_again_only_when_it_changed(tmp_path: Path) -> None:
    versions, env = Versions(tmp_path / "versions.json"), {"DOCKER_CONFIG": str(tmp_path), "PATH": "/nowhere"}
    own = tmp_path / "cli-plugins/docker-compose"
    plugin(own, "2.26.1")
    assert [compose.look(versions, env).version for _ in range(3)] == ["2.26.1"] * 3
    assert (tmp_path / "cli-plugins/docker-compose.asked").read_text().count("asked") == 1
    plugin(own, "2.40.30")
    assert compose.look(versions, env).version == "2.40.30"


DF = """{"Images": [
 {"Size": 100, "SharedSize": 30, "Containers": 0, "RepoTags": ["<none>:<none>"]},
 {"Size": 100, "SharedSize": -1, "Containers": 0, "RepoTags": null},
 {"Size": 5000, "SharedSize": 0, "Containers": 1, "RepoTags": ["<none>:<none>"]},
 {"Size": 7000, "SharedSize": 0, "Containers": 0, "RepoTags": ["postgres:18"]}],
 "BuildCache": [{"Size": 11, "InUse": false, "Shared": false}, {"Size": 900, "InUse": true, "Shared": false},
 {"Size": 900, "InUse": false, "Shared": true}], "DockerRootDir": "/"}"""


def test_only_what_nobody_uses_counts_as_old(root: Path, listen: Callable[[Path, str], None]) -> None:
    listen(root / "s", f"HTTP/1.1 200 OK\r\nContent-Length: {len(DF)}\r\n\r\n{DF}")
    engine = Engine(f"unix://{root / 's'}")
    short = layers.look(float("inf"), engine)
    assert isinstance(short, layers.Layers) and short.unused == 70 + 100 + 11 and short.free > 0
    assert layers.look(0, engine) is None


@pytest.mark.parametrize(
    ("told", "flavour"),
    [
        ({}, "engine"), ({"Components": None}, "engine"), ({"Components": [{"Name": "Engine"}]}, "engine"),
        ({"Components": [{"Name": "Podman Engine"}]}, "podman"),
        ({"Components": [{"Name": "rootlesskit"}]}, "rootless"),
        ({"Platform": {"Name": "Docker Desktop 4.3"}, "Components": [{"Name": "rootlesskit"}]}, "desktop"),
    ],
)  # fmt: skip
def test_an_engine_that_does_not_name_itself_is_known_by_its_parts(told: dict[str, Any], flavour: str) -> None:
    found = docker._told({"Version": "28.0", "ApiVersion": "1.48", **told})
    assert (found.state, found.engine, found.api, found.flavour) == ("ready", "28.0", "1.48", flavour)


@pytest.mark.parametrize("how", ["never answers", "drips its header", "drips its body"])
def test_the_time_limit_is_for_the_whole_answer(root: Path, how: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"

    def answer(caller: socket.socket) -> None:
        caller.recv(65536)
        if how == "drips its body":
            caller.sendall(head)
        while how != "never answers":
            caller.sendall(b"H")
            over.wait(0.1)
        over.wait(30)

    over, began = threading.Event(), time.monotonic()
    with faults.unix(root / "docker.sock", answer) as address, pytest.raises(EngineGone):
        Engine(address).get("/version", timeout=0.5)
    over.set()
    assert time.monotonic() - began < 20
