"""How a Docker engine is got to run: by what runs the machine, and what is set right when its log complains."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import facts.docker
from converge import daemon
from converge.context import ConvergeContext
from converge.errors import DevError
from facts.docker import Here
from tests.operations.test_docker import WANTS
from tests.operations.test_items import context


@dataclass
class Fake:
    """A machine whose changes are answered by a function; what was asked of it stays."""

    answer: Callable[[str, dict[str, Any]], str | None]
    context: ConvergeContext = field(default_factory=lambda: context(WANTS))
    asked: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        pass

    def pyinfra(self, operation: str, **args: Any) -> None:
        self.asked.append(operation)
        self.scripts += args.get("commands", [])
        if (said := self.answer(operation, args)) is not None:
            raise DevError("system-change", f"{operation} did not succeed", because=said)


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory) -> Here:
    """A machine where dockerd is installed and nothing runs."""
    root = tmp_path_factory.mktemp("m")
    for name in ("usr/sbin/dockerd", "etc/init.d/docker", "usr/lib/systemd/system/docker.service"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
        (root / name).chmod(0o755)
    (root / "var/run").mkdir(parents=True)
    return Here({"PATH": "/nowhere", "HOME": "/nowhere"}, root, "linux")


@pytest.fixture
def comes_up(here: Here) -> Iterator[Callable[[], None]]:
    """Lets an engine answer on the machine's socket."""
    servers = []

    def up() -> None:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(here.root / "var/run/docker.sock"))
        server.listen(8)
        servers.append(server)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nServer: Docker/20.10.24 (linux)\r\nContent-Length: 2\r\n\r\nOK")
                connection.close()

        threading.Thread(target=serve, daemon=True).start()

    yield up
    for server in servers:
        server.close()


def test_systemd_starts_it_where_systemd_runs_the_machine(here: Here, comes_up: Callable[[], None]) -> None:
    (here.root / "run/systemd/system").mkdir(parents=True)
    machine = Fake(lambda operation, args: comes_up())
    daemon.start(machine, here=here)  # type: ignore[arg-type]
    assert machine.asked == ["systemd.service"]


def test_what_the_journal_says_is_the_reason(here: Here) -> None:
    (here.root / "run/systemd/system").mkdir(parents=True)
    said = 'time="x" level=error msg="a" | failed to start daemon: no moon'
    machine = Fake(lambda operation, args: said if operation == "server.shell" else "job failed")
    with pytest.raises(DevError) as caught:
        daemon.start(machine, here=here)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.because) == ("engine-failed", "failed to start daemon: no moon")
    assert "journalctl" in machine.scripts[-1]


def test_what_systemd_should_start_it_with_stands_in_its_file(here: Here, comes_up: Callable[[], None]) -> None:
    (here.root / "run/systemd/system").mkdir(parents=True)
    cured: list[str] = []

    def answer(operation: str, args: dict[str, Any]) -> str | None:
        if "daemon.json" in str(args):
            cured.append(operation)
            return None
        return comes_up() if cured else "error initializing graphdriver: driver not supported"

    daemon.start(Fake(answer), here=here)  # type: ignore[arg-type]
    assert cured == ["server.shell"]


def test_a_stranger_on_the_socket_keeps_it(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts.docker, "TIMEOUT", 0.3)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(here.root / "var/run/docker.sock"))
        stranger.listen(64)
        machine = Fake(lambda operation, args: None)
        with pytest.raises(DevError) as caught:
            daemon.start(machine, here=here, patience=0.1)  # type: ignore[arg-type]
    assert machine.asked == [] and "does not answer" in caught.value.what


def test_an_init_script_that_claims_success_is_not_believed(here: Here, comes_up: Callable[[], None]) -> None:
    machine = Fake(lambda operation, args: comes_up() if operation == "server.shell" else "it is denied")
    daemon.start(machine, here=here)  # type: ignore[arg-type]
    assert machine.asked == ["sysvinit.service", "server.shell"] and "setsid" in machine.scripts[0]


def test_an_init_script_that_fails_after_it_started_the_engine_has_done_it(
    here: Here, comes_up: Callable[[], None]
) -> None:
    machine = Fake(lambda operation, args: comes_up() or "ulimit: Operation not permitted")
    daemon.start(machine, here=here)  # type: ignore[arg-type]
    assert machine.asked == ["sysvinit.service"]


def test_an_engine_that_runs_is_taken_as_it_is(here: Here, comes_up: Callable[[], None]) -> None:
    comes_up()
    machine = Fake(lambda operation, args: "must not be asked")
    daemon.start(machine, here=here)  # type: ignore[arg-type]
    assert machine.asked == []


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ("failed to start daemon: Devices cgroup isn't mounted", "cgroup2"),
        ("failed to create NAT chain DOCKER: Iptables not found", "apt.packages"),
        ("iptables v1.8.9 (nf_tables): Could not fetch rule set: Failed to initialize nft: Protocol not supported",
         "iptables-legacy"),
        ("error initializing graphdriver: driver not supported", "--storage-driver=vfs"),
        ("failed to start daemon: pid file found, ensure docker is not running", "docker.pid.stale"),
    ],
)  # fmt: skip
def test_what_the_log_complains_about_is_set_right_once(
    here: Here, comes_up: Callable[[], None], said: str, cure: str
) -> None:
    (here.root / "etc/init.d/docker").unlink()
    starts = []

    def answer(operation: str, args: dict[str, Any]) -> str | None:
        if "setsid" not in str(args):
            return None
        starts.append(args["commands"][0])
        return said if len(starts) == 1 else comes_up()

    machine = Fake(answer)
    daemon.start(machine, manager="apt", here=here)  # type: ignore[arg-type]
    assert len(starts) == 2 and any(cure in text for text in (*machine.asked, *machine.scripts))
    hopeless = Fake(lambda operation, args: said if "setsid" in str(args) else None)
    (here.root / "var/run/docker.sock").unlink()
    with pytest.raises(DevError):
        daemon.start(hopeless, manager="apt", here=here)  # type: ignore[arg-type]
    assert sum("setsid" in script for script in hopeless.scripts) == 2


def test_a_mirror_is_given_to_the_engine_we_start(here: Here, comes_up: Callable[[], None]) -> None:
    machine = Fake(lambda operation, args: comes_up())
    daemon.start(machine, "http://127.0.0.1:5000", here=here)  # type: ignore[arg-type]
    assert machine.asked == ["server.shell"] and "--registry-mirror=http://127.0.0.1:5000" in machine.scripts[0]


def test_what_daemon_json_says_is_not_said_twice(here: Here) -> None:
    (here.root / "etc/docker").mkdir()
    (here.root / "etc/docker/daemon.json").write_text('{"registry-mirrors": ["x"], "data-root": "/d"}')
    script = daemon.command("/usr/sbin/dockerd", "http://127.0.0.1:5000", ["--storage-driver=vfs"], here)
    assert "--registry-mirror" not in script and "--storage-driver=vfs" in script


def test_the_script_that_starts_it_is_posix(here: Here) -> None:
    odd = Here({**here.env, "HTTPS_PROXY": "http://it's:a b@127.0.0.1:9"}, here.root, "linux")
    script = daemon.command("/usr/sbin/dockerd", "", [], odd)
    assert subprocess.run(["/bin/sh", "-n"], input=script, text=True, capture_output=True).stderr == ""


def test_no_password_of_a_proxy_is_in_a_command_line(here: Here, comes_up: Callable[[], None]) -> None:
    env = {**here.env, "HTTPS_PROXY": "http://bo:it%27s-Tr0ub4dor@127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    said: list[str] = []

    def starts(operation: str, args: dict[str, Any]) -> None:
        if operation != "server.shell":
            return
        path = re.search(r"\. (/\S*dev-engine-\w+); ", args["commands"][0])
        assert path and stat.S_IMODE(os.stat(path[1]).st_mode) == 0o600
        said.append(
            subprocess.run(["sh", "-c", f". {path[1]}; echo $HTTPS_PROXY"], capture_output=True, text=True).stdout
        )
        said.append(path[1])
        comes_up()

    machine = Fake(starts)
    daemon.start(machine, here=Here(env, here.root, "linux"), patience=0.3)  # type: ignore[arg-type]
    assert said[0] == "http://bo:it%27s-Tr0ub4dor@127.0.0.1:9\n" and not os.path.exists(said[1])
    assert "Tr0ub4dor" not in machine.scripts[0] and "http_proxy=http://127.0.0.1:9" in machine.scripts[0]


def test_a_mirror_with_a_password_is_refused_before_an_engine_is_started(here: Here) -> None:
    machine = Fake(lambda operation, args: None)
    for mirror in ("http://bo:Tr0ub4dor@127.0.0.1:5000", "https://only-a-token@127.0.0.1:5000"):
        with pytest.raises(DevError) as refused:
            daemon.start(machine, mirror, here=here)  # type: ignore[arg-type]
        assert refused.value.code == "value-wrong" and "Tr0ub4dor" not in str(refused.value.because)
    assert machine.asked == []
