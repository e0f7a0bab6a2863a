"""Looks at this very machine: one batch, framed records, ports with their owners, locks, Docker's states."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facts import docker, locks, machine, ports, processes
from facts.local import LocalReader
from facts.probe import LocalProbe, Probe, observe, render, split
from facts.value import Unknown


def test_a_probe_that_hangs_hides_no_other() -> None:
    began = time.monotonic()
    probes = [Probe("slow", "sleep 30; echo x", str, slow=True), Probe("fast", "echo here", str.strip)]
    seen = observe(probes, LocalReader(), deadline=1)
    assert seen["fast"] == "here" and isinstance(seen["slow"], Unknown)
    assert time.monotonic() - began < 25


def test_output_that_looks_like_a_frame_is_output() -> None:
    script = render([Probe("x", "echo 'abc begin 0'; echo 'abc end 0'", str)], "fedc")
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout
    assert split(said, "fedc") == {0: "abc begin 0\nabc end 0\n"}


def test_a_record_cut_short_is_no_record() -> None:
    assert split("n begin 0\nhalf", "n") == {}


def test_what_cannot_be_parsed_is_unknown_not_absent() -> None:
    seen = observe([Probe("x", "echo many", int)], LocalReader())
    assert "many" in seen["x"].because


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_the_batch_is_posix(shell: str) -> None:
    argv = [shell, "sh"] if shell == "busybox" else [shell]
    try:
        subprocess.run([*argv, "-c", "true"], check=True)
    except FileNotFoundError:
        pytest.skip(f"no {shell}")
    probes = [probe for probe in machine.probes() if isinstance(probe, Probe)]
    said = subprocess.run([*argv, "-s"], input=render(probes, "n0"), capture_output=True, text=True).stdout
    assert len(split(said, "n0")) == len(probes)


def test_the_machine_is_known() -> None:
    seen = observe(machine.probes("/"), LocalReader())
    assert not any(isinstance(value, Unknown) for value in seen.values()), seen


def test_a_port_has_its_owner(free_port: Callable[[], int]) -> None:
    port, other = free_port(), free_port()
    with socket.create_server(("127.0.0.1", port)):
        seen = ports.owners([port, other])
    owner = seen[port]
    assert owner is not None and seen[other] is None
    assert owner.pid == os.getpid() and owner.cwd == os.getcwd()


def test_a_port_has_its_owner_however_many_files_that_one_opens_and_closes() -> None:
    program = """
import os, socket
low = [os.dup(0) for _ in range(5)]
listener = socket.create_server(("127.0.0.1", 0))
for each in low: os.close(each)
print(listener.getsockname()[1], flush=True)
while True:
    for each in [os.dup(0) for _ in range(3)]: os.close(each)
"""
    argv, env = [sys.executable, "-c", program], {processes.MARK: "i:busy:1"}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        seen = [ports.owner(port) for _ in range(100)]
        process.kill()
    assert {owner.mark if owner else "" for owner in seen} == {"i:busy:1"}


def test_a_process_that_died_ends_also_before_it_is_waited_for() -> None:
    assert not processes.ends(os.getpid())
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert processes.ends(process.pid)
    assert processes.ends(process.pid)


def test_a_lock_is_held_as_long_as_its_holder_lives(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not locks.held(path)
    path.touch()
    assert not locks.held(path)
    code = (
        "import fcntl,sys,time; f=open(sys.argv[1]); fcntl.flock(f,fcntl.LOCK_EX); print(1,flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline()
    assert locks.held(path)
    holder.kill()
    holder.wait()
    assert not locks.held(path)
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert locks.held(path)


def test_a_local_probe_that_fails_is_unknown() -> None:
    def broken() -> None:
        raise PermissionError(13, "Permission denied")

    assert observe([LocalProbe("x", broken)], LocalReader())["x"].because == "Permission denied"


class Engine:
    """Something on a unix socket that answers as told."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        if answer is not None:
            self.server.listen(1)
            threading.Thread(target=self.serve, args=(answer,), daemon=True).start()
        else:
            self.server.close()

    def serve(self, answer: bytes) -> None:
        while True:
            connection, _ = self.server.accept()
            connection.recv(4096)
            connection.sendall(answer)
            connection.close()


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"Version":"28.2.2"}', "down"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"Version":"28.2.2"}', "ready"),
        (None, "stale"),
    ],
)
def test_docker_is_asked_over_its_socket(tmp_path: Path, answer: bytes | None, state: str) -> None:
    path = tmp_path / "var/run/docker.sock"
    path.parent.mkdir(parents=True)
    Engine(path, answer)
    assert docker.look(docker.Here({}, tmp_path)).state == state
    # a socket that somebody names is not ours to bring to life: an engine that we start listens on another
    named = docker.look(docker.Here({"DOCKER_HOST": f"unix://{path}"}, tmp_path))
    assert named.state == ("ready" if state == "ready" else "wrong-host") and named.origin == "DOCKER_HOST"


@pytest.mark.parametrize(
    ("env", "state"),
    [({"DOCKER_HOST": "tcp://10.0.0.1:2375"}, "wrong-host"), ({"DOCKER_CONTEXT": "elsewhere"}, "wrong-context"),
     ({"DOCKER_HOST": "unix:///nowhere/docker.sock"}, "wrong-host")],
)  # fmt: skip
def test_docker_elsewhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], state: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert docker.look().state == state
