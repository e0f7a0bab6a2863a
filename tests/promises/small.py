"""A small platform for the cases: files, values, two services that start at once, and Redis if it is wanted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.promises import oracle
from tests.promises.place import Place

SERVER = """import http.server, os, socket, sys
class Here(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("GREETING", "").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
debugger = socket.create_server(("127.0.0.1", int(sys.argv[3]))) if len(sys.argv) > 3 else None
print("begins", flush=True)
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Here).serve_forever()
"""
CONTENT = "greeting = good morning\n"
STATE = """schema = 1
[project]
name = "small"
hooks_path = ".hooks"
[env]
GREETING = "good morning"
TOKEN = {{ generate = "token", bytes = 32, secret = true }}
[files]
"conf/app.ini" = {{ content = "greeting = good morning\\n", mode = "0640" }}
"conf/spool" = {{ directory = true, mode = "0750" }}
{infra}
[services.web]
kind = "command"
dev = "exec {python} -I -S server.py {{host}} {{port}}"
debug = "exec {python} -I -S server.py {{host}} {{port}} {{debug_port}}"
debug_port = {debug}
port = {web}
needs = [{needs}]
ready = {{ http = "/" }}
stop_grace = 1.0
[services.worker]
kind = "command"
dev = "exec sleep 86400"
ready_after = 0.1
stop_grace = 1.0
"""
REDIS = """[infra.redis]
port = {redis}
placement = "native"
stop_grace = 2.0
"""
NO_REDIS = "" if shutil.which("redis-server") else "there is no redis-server on PATH"
"""Why a case that wants Redis cannot be tried here."""


@dataclass(frozen=True)
class Small:
    """The platform in its place, and the truth about it."""

    place: Place
    redis: bool = False

    @property
    def path(self) -> Path:
        return self.place.checkout.path

    @property
    def web(self) -> int:
        """Port of the service that answers."""
        return self.place.port + 1

    @property
    def debugger(self) -> int:
        """Port of its debugger."""
        return self.place.port + 2

    @property
    def components(self) -> list[str]:
        return [*(["redis"] if self.redis else []), "web", "worker"]

    def made(self) -> list[str]:
        """What of the declared files, values and settings is not so; empty when all is."""
        wrong = []
        file, spool, values = self.path / "conf/app.ini", self.path / "conf/spool", self.path / ".dev/values"
        if (
            not file.is_file()
            or file.read_text() != "greeting = good morning\n"
            or file.stat().st_mode & 0o777 != 0o640
        ):
            wrong.append("conf/app.ini is not as declared")
        if not spool.is_dir() or spool.stat().st_mode & 0o777 != 0o750:
            wrong.append("conf/spool is not as declared")
        rows = [row.partition("=") for row in values.read_text().splitlines()] if values.is_file() else []
        if len({name: value for name, _, value in rows}.get("TOKEN", "")) < 32 or values.stat().st_mode & 0o077:
            wrong.append(".dev/values has no TOKEN, or others can read it")
        hooks = subprocess.run(["git", "-C", self.path, "config", "core.hooksPath"], capture_output=True, text=True)
        if hooks.stdout.strip() != ".hooks":
            wrong.append("core.hooksPath is not as declared")
        return wrong

    def down(self, *names: str) -> list[str]:
        """Which of the components, of all without names, do not serve, each with what was seen."""
        checks = {"web": self._web, "worker": self._worker, "redis": self._redis}
        found = {name: checks[name]() for name in names or self.components}
        return [f"{name}: {why}" for name, why in found.items() if why]

    def pids(self) -> dict[str, set[oracle.Process]]:
        """Processes of the components themselves, without what supervises them."""
        words = {"web": f"server.py 127.0.0.1 {self.web}", "worker": "sleep 86400", "redis": f":{self.place.port}"}
        living = self.place.processes()
        return {
            name: {each for each in living if word in each.command and "shim.py" not in each.command}
            for name, word in words.items() if name in self.components
        }  # fmt: skip

    def _web(self) -> str:
        status, body = oracle.answer(self.web)
        if (status, body) != (200, "good morning"):
            return f"answers {status} {body!r}"
        ours = {each.pid for each in self.place.processes()}
        return "" if oracle.listeners(self.web) <= ours else "something else listens there"

    def _worker(self) -> str:
        count = len(self.pids()["worker"])
        return "" if count == 1 else f"runs {count} times"

    def _redis(self) -> str:
        ran = subprocess.run(
            ["redis-cli", "-h", "127.0.0.1", "-p", str(self.place.port), "ping"], capture_output=True, text=True
        )
        # one that wants a password answers, too
        return "" if "PONG" in ran.stdout or "NOAUTH" in ran.stdout + ran.stderr else ran.stdout + ran.stderr


def small(place: Place, redis: bool = False) -> Small:
    """A new one, of which nothing is made yet."""
    made = Small(place, redis)
    subprocess.run(["git", "init", "--quiet", str(made.path)], check=True, capture_output=True)
    (made.path / "server.py").write_text(SERVER)
    text = STATE.format(
        infra=REDIS.format(redis=place.port) if redis else "",
        needs="'redis'" if redis else "",
        web=made.web,
        debug=made.debugger,
        python=sys.executable,
    )
    (made.path / "desired_state.toml").write_text(text)
    return made
