"""A platform of services of every protocol, and strict clients of other languages that ask them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import TOOL, Checkout, elapse
from tests.handoff.platform import HERE, Docker, Platform

PROGRAMS = HERE / "programs"
HTTP = ("echo", "second", "third", "control")
"""`control` is never handed off."""
CALLS = ("calls", "steady")
"""Speak HTTP/2 without TLS; `steady` is never handed off."""
LATE = 1
"""Seconds for which the container of `raw` runs before it listens."""
TWIN = "127.0.0.2"
"""Where a process listens that is handed off."""
WHO = """
import http.client, sys
host, _, port = sys.argv[1].partition(":")
asking = http.client.HTTPConnection(host, int(port), timeout=40)
asking.request("POST", "/work", "x")
answer = asking.getresponse()
text = answer.read().decode()
print(text.split()[0] if answer.status == 200 else f"{answer.status} {text}")
"""
SERVICE = """
[services.{name}]
kind = "command"
port = {port}
protocol = "{protocol}"
dev = '''exec {command}'''
ready = {{ {ready} }}
stop_grace = 3
env = {{ WHO = "native" }}
"""
BOX = """
  {name}-box:
    image: {image}
    init: true
    entrypoint: {entrypoint}
    volumes: ["{file}:/app/{base}:ro"]
    environment: {{ WHO: box, HOST: 0.0.0.0, PORT: "${{{upper}_PORT:-1}}" }}
    restart: unless-stopped
"""
PYTHON, GO, NODE = "python:3.11-slim-bookworm", "golang:1.27.3-bookworm", "node:24.19.0-bookworm-slim"


@dataclass
class Crowd(Platform):
    """Services of HTTP and CALLS, and `raw`, which speaks neither."""

    program: Path = Path()
    """The Go program of `programs/`."""
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def sign(self) -> Path:
        """There as soon as the engineer's process has a request that takes its time."""
        return self.checkout.home / "asked"

    def write(self) -> None:
        """The checkout's files."""
        state, boxes = "[docker]\n", "services:"
        for name, port in self.ports.items():
            file, command, entrypoint, image, protocol, ready = self.recipe(name)
            state += SERVICE.format(name=name, port=port, protocol=protocol, command=command, ready=ready)
            boxes += BOX.format(
                name=name, upper=name.upper(), image=image, entrypoint=entrypoint, file=file, base=file.name
            )
        self.checkout.state(state)
        self.checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
        self.checkout.write("compose/infra.yaml", "services: {}\nnetworks:\n  default: {}\n")
        self.checkout.write("compose/services.yaml", boxes)

    def recipe(self, name: str) -> tuple[Path, str, str, str, str, str]:
        """The file it runs, its command here and in its box, its image, what it speaks, when it is ready."""
        if name in CALLS:
            here = self.program
            return here, f"{here} serve", f"[/app/{here.name}, serve]", GO, "h2c", "tcp = true"
        if name == "raw":
            here, late = PROGRAMS / "raw.py", f"sleep {LATE}; exec python /app/raw.py"
            return here, f"{sys.executable} {here}", f'[sh, -c, "{late}"]', PYTHON, "tcp", "tcp = true"
        here = HERE / "server.py"
        return here, f"{sys.executable} {here}", f"[python, /app/{here.name}]", PYTHON, "http", 'http = "/readyz"'

    def run(self, name: str = "echo", host: str = TWIN) -> subprocess.Popen[bytes]:
        """The engineer's process, with the service's environment."""
        _, command, *_ = self.recipe(name)
        mark = {"DEV_RUN_ID": f"{self.id}:{name}:ide"}
        env = {**os.environ, **mark, "WHO": "ide", "PORT": str(self.ports[name]), "HOST": host, "SIGN": str(self.sign)}
        process = subprocess.Popen(command.split(), cwd=self.checkout.path, env=env)
        self.processes.append(process)
        return process

    def lend(self, *names: str) -> None:
        """Hand them off."""
        self.dev("handoff", *names)

    def back(self, *names: str) -> None:
        """Take them back."""
        self.dev("handoff", *names, "--back")

    def who(self, name: str = "echo", inside: bool = False) -> str:
        """Who answers on the host, or a container that knows only the name; what is wrong where nobody does."""
        words = [sys.executable, "-I", "-", self.address(name, inside)]
        if inside:
            words = ["docker", "exec", "-i", self.container("control-box"), "python", *words[1:]]
        assert self.rig
        ran = subprocess.run(words, env=self.rig.environment(), input=WHO, capture_output=True, text=True, timeout=60)
        return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]

    def address(self, name: str, inside: bool) -> str:
        """Where everyone finds it."""
        return f"{name if inside else '127.0.0.1'}:{self.ports[name]}"

    def in_container(self, image: str, words: list[str], mounts: list[Path]) -> list[str]:
        """The words that run these words in a container of their own in the platform's network."""
        volumes = [word for path in mounts for word in ("-v", f"{path}:{path}:ro")]
        label = f"client-of={self.id}"
        network = f"{self.project}_default"
        return ["docker", "run", "--rm", "--network", network, "--label", label, *volumes, image, *words]

    def sweep(self) -> None:
        """No container of a client is left."""
        assert self.rig
        left = self.rig.docker("ps", "-aq", "--filter", f"label=client-of={self.id}").stdout.split()
        if left:
            self.rig.docker("rm", "-f", *left)


@dataclass(frozen=True)
class Language:
    """A program of clients: it prints what load.py prints."""

    image: str
    words: tuple[str, ...]
    mounts: tuple[Path, ...]


@dataclass
class Clients:
    """Strict clients of one language that ask services, on the host and in a container, until `result` is asked for."""

    platform: Crowd
    language: Language
    names: tuple[str, ...]
    seconds: float
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    over: Path = Path()

    def __enter__(self) -> Clients:
        it, language = self.platform, self.language
        signs = it.checkout.home / "signs"
        signs.mkdir(exist_ok=True)
        self.over = signs / f"over-{time.monotonic_ns()}"
        for where in ("host", "inside"):
            targets = [f"{name}={it.address(name, where == 'inside')}" for name in self.names]
            words = [*language.words, str(self.seconds), str(self.over), *targets]
            if where == "inside":
                words = it.in_container(language.image, words, [*language.mounts, signs])
            assert it.rig
            self.running[where] = subprocess.Popen(
                words, env=it.rig.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
            )
        elapse(1.5)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.touch()
        for process in self.running.values():
            try:
                process.wait(45)
            except subprocess.TimeoutExpired:
                process.kill()

    def result(self) -> dict[str, dict[str, Any]]:
        """`host echo kept`, `inside control fresh` and so on -> what that client saw."""
        self.over.touch()
        found = {}
        for where, process in self.running.items():
            text, _ = process.communicate(timeout=60)
            found |= {f"{where} {name}": seen for name, seen in json.loads(text).items()}
        return found


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """One line per client, for whoever reads the run."""
    row = "{:<24} {:>7} {:>6} {:>7} {:>8} {}".format
    lines = [row("client", "asked", "failed", "refused", "gap ms", "who")]
    lines += [
        row(name, seen["requests"], seen["failed"], seen["refused"], seen["gap_ms"], seen["who"])
        for name, seen in found.items()
    ]
    return "\n".join(lines)


def crowd(checkout: Checkout, rig: Docker, program: Path, ports: Mapping[str, int]) -> Crowd:
    """Written, not started."""
    made = Crowd(checkout, rig, ports["echo"], ports["control"], program=program, ports=ports)
    made.write()
    return made
