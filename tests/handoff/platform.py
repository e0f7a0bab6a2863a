"""A platform of two small services that say who answers, with everything a test does to it."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.conftest import TOOL, Checkout, Ran, elapse, wait_until

HERE = Path(__file__).parent
SERVICE = """
[services.{name}]
kind = "command"
port = {port}
dev = "exec {python} server.py"
ready = {{ http = "/readyz" }}
stop_grace = 3
env = {{ WHO = "native" }}
"""
BOX = """
  {name}-box:
    image: python:3.11-slim-bookworm
    init: true
    entrypoint: [python, /app/server.py]
    volumes: ["../server.py:/app/server.py:ro"]
    environment: {{ WHO: box, HOST: 0.0.0.0, PORT: "${{{upper}_PORT:-1}}" }}
    restart: unless-stopped
"""


class Docker(Protocol):
    """An engine to work on; the rig is one."""

    def environment(self) -> dict[str, str]:
        """For the docker client."""
        ...

    def docker(self, *argv: str, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the docker client."""
        ...


@dataclass
class Platform:
    """`echo` is handed off, `control` never is."""

    checkout: Checkout
    rig: Docker | None
    port: int
    control: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def write(self) -> None:
        """The checkout's files."""
        names = {"echo": self.port, "control": self.control}
        python = sys.executable
        self.checkout.state(
            ("[docker]\n" if self.rig else "")
            + "".join(SERVICE.format(name=name, port=port, python=python) for name, port in names.items())
        )
        self.checkout.write("server.py", (HERE / "server.py").read_text())
        self.checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
        self.checkout.write("compose/infra.yaml", "services: {}\nnetworks:\n  default: {}\n")
        boxes = "".join(BOX.format(name=name, upper=name.upper()) for name in names)
        self.checkout.write("compose/services.yaml", "services:" + boxes)

    @property
    def id(self) -> str:
        """The instance's."""
        return hashlib.sha256(f"{self.checkout.path.resolve()}\0".encode()).hexdigest()[:10]

    @property
    def project(self) -> str:
        """Compose's name for it."""
        return f"story-{self.id}"

    def dev(self, *argv: str, code: int = 0) -> Ran:
        """A run that ends with the code."""
        ran = self.checkout.dev(*argv)
        assert ran.code == code, f"./dev {' '.join(argv)}: {ran.code}\n{ran.out}{ran.err}"
        return ran

    def die(self, step: int, *argv: str) -> Ran:
        """The same, gone before its step of that number."""
        python = TOOL / ".dev" / "venv" / "bin" / "python"
        words = [str(python), "-I", str(HERE / "dying.py"), str(step), str(TOOL), "-C", str(self.checkout.path), *argv]
        env = self.checkout.environment()
        ran = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert "Traceback" not in ran.stderr, ran.stderr
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def ide(self, marked: bool = True, again: bool = False, host: str = "127.0.0.2") -> subprocess.Popen[bytes]:
        """The engineer's process: with the service's environment or without it; run `again` until it has the port."""
        env = {**os.environ, "WHO": "ide", "PORT": str(self.port), "HOST": host}
        env.pop("DEV_RUN_ID", None)
        if again:
            env["RETRY"] = "1"
        if marked:
            env["DEV_RUN_ID"] = f"{self.id}:echo:ide"
        process = subprocess.Popen([sys.executable, "server.py"], cwd=self.checkout.path, env=env)
        self.processes.append(process)
        return process

    def end(self) -> None:
        """No process of an engineer is left."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()

    def ask(self, port: int | None = None, timeout: float = 40) -> str:
        """Who answers on the host; the status where it is not 200."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request("POST", "/work", "x")
            answer = connection.getresponse()
            text = answer.read().decode()
            return text.split()[0] if answer.status == 200 else f"{answer.status} {text}"
        except OSError as problem:
            return type(problem).__name__
        finally:
            connection.close()

    def ask_inside(self, timeout: float = 40) -> str:
        """Who answers a container that knows only the service's name."""
        code = (
            "import http.client, sys\n"
            f"c = http.client.HTTPConnection('echo', {self.port}, timeout={timeout})\n"
            "c.request('POST', '/work', 'x'); a = c.getresponse(); t = a.read().decode()\n"
            "print(t.split()[0] if a.status == 200 else f'{a.status} {t}')"
        )
        assert self.rig
        ran = self.rig.docker("exec", self.container("control-box"), "python", "-c", code, check=False)
        return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]

    def container(self, key: str) -> str:
        """Its id, running or not; empty where there is none."""
        assert self.rig
        filters = [f"label=com.docker.compose.project={self.project}", f"label=com.docker.compose.service={key}"]
        return self.rig.docker("ps", "-aq", "--no-trunc", *[w for f in filters for w in ("--filter", f)]).stdout.strip()

    def runs(self, key: str) -> bool:
        """Whether the container is up."""
        assert self.rig
        found = self.container(key)
        return bool(found) and self.rig.docker("inspect", "-f", "{{.State.Running}}", found).stdout.strip() == "true"

    def owner(self, name: str = "echo") -> str:
        """What the owner map says; empty without one."""
        try:
            rows = (self.checkout.path / ".dev/instances/default/routes/owner.map").read_text().splitlines()
        except FileNotFoundError:
            return ""
        return dict(row.split() for row in rows)[name].partition("@")[0]

    def placement(self) -> str:
        """What `./dev status` says of the service."""
        return str(self.checkout.components()["echo"]["placement"])

    def edge(self) -> int:
        """Pid of the edge; 0 without one."""
        path = self.checkout.path / ".dev/instances/default/run/dev-edge/state.json"
        try:
            pid = int(json.loads(path.read_text())["pid"] or 0)
        except (OSError, ValueError):
            return 0
        return pid if pid and Path(f"/proc/{pid}").exists() else 0

    def kill(self, pid: int) -> None:
        """As a crash."""
        os.kill(pid, signal.SIGKILL)


@dataclass
class Load:
    """Strict clients that ask `echo` and `control`, on the host and in a container, until `result` is asked for."""

    platform: Platform
    seconds: float
    pause: float = 0.004
    """Seconds each client rests after an answer."""
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    over: Path = Path("over")

    def __enter__(self) -> Load:
        it, text = self.platform, (HERE / "load.py").read_text()
        host = [str(self.pause), f"echo=127.0.0.1:{it.port}", f"control=127.0.0.1:{it.control}"]
        inside = [str(self.pause), f"echo=echo:{it.port}", f"control=control:{it.control}"]
        assert it.rig
        exec_in = ["docker", "exec", "-i", it.container("control-box"), "python", "-I", "-", str(self.seconds)]
        self.over = it.checkout.home / f"over-{time.monotonic_ns()}"
        on_host = [sys.executable, "-I", "-", str(self.seconds), str(self.over)]
        for words in ([*on_host, *host], [*exec_in, f"/tmp/{self.over.name}", *inside]):
            process = subprocess.Popen(
                words, env=it.rig.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            assert process.stdin
            process.stdin.write(text)
            process.stdin.close()
            self.running.append(process)
        elapse(0.7)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()

    def result(self) -> dict[str, dict[str, Any]]:
        """`host echo kept`, `inside control fresh` and so on -> what that client saw."""
        assert self.platform.rig
        self.over.touch()
        inside = self.platform.container("control-box")
        self.platform.rig.docker("exec", inside, "python", "-c", f"open('/tmp/{self.over.name}', 'w')")
        found = {}
        for where, process in zip(("host", "inside"), self.running, strict=True):
            assert process.stdout
            text = process.stdout.read()
            process.wait()
            found |= {f"{where} {name}": seen for name, seen in json.loads(text).items()}
        return found


def answers(platform: Platform, who: str, timeout: float = 60.0) -> None:
    """Wait until the service is answered by `who` on both of its addresses."""
    wait_until(lambda: platform.ask() == who, timeout)
    wait_until(lambda: platform.ask_inside() == who, timeout)
