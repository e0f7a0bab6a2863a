"""A checkout under git with a service of each language, which listen where HOST and PORT say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from converge import schema
from converge.instance import store
from tests.conftest import TOOL, Checkout, Ran, locked, neighbours, ports, wait_until

GO = """package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/hello", hello)
	fmt.Println(http.ListenAndServe(os.Getenv("HOST")+":"+os.Getenv("PORT"), nil))
}

func hello(w http.ResponseWriter, r *http.Request) {
	greeting := os.Getenv("NOTE") + " " + r.URL.Query().Get("name")
	fmt.Fprint(w, greeting+tag)
}
"""
PYTHON = """import os
from urllib.parse import parse_qs


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    name = parse_qs(scope["query_string"].decode()).get("name", [""])[0]
    greeting = os.environ["NOTE"] + " " + name
    body = greeting.encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""
NODE = """import http from "node:http";

http
  .createServer((request, response) => {
    const name = new URL(request.url, "http://host").searchParams.get("name");
    response.end(process.env.NOTE + " " + name);
  })
  .listen(process.env.PORT, process.env.HOST);
"""
NOTE = 'it\'s #1 at "${HOME}"\n\ta\\b €'
STATE = """
[env]
NOTE = {note}
TOKEN = {{ generate = "token", secret = true }}
TOKEN_PREVIOUS = {{ required = false, secret = true }}

[services.goer]
kind = "go"
path = "services/goer"
main = "./cmd"
port = {port}
env = {{ GOFLAGS = "-tags=extra" }}

[services.pythoner]
kind = "python"
path = "services/py thoner"
port = {second}
app = "app:app"

[services.noder]
kind = "command"
path = "services/noder"
port = {third}
dev = "test -n \\"$HOST\\" && exec node server.mjs {{port}}"
"""


@dataclass
class Place:
    """The checkout, its services, and what an engineer does with them."""

    checkout: Checkout
    tools: str
    port: int

    @property
    def path(self) -> Path:
        return self.checkout.path

    def declare(self, more: str = "", note: str = NOTE) -> None:
        text = STATE.format(note=json.dumps(note), port=self.port, second=self.port + 1, third=self.port + 2)
        self.checkout.state(self.tools + text + more)

    def dev(self, *argv: str, timeout: float = 120) -> Ran:
        """A run that must succeed."""
        ran = self.checkout.dev(*argv, timeout=timeout)
        assert ran.code == 0, ran.out + ran.err
        return ran

    def handoff(self, name: str, *argv: str) -> dict[str, Any]:
        (service,) = self.dev("handoff", name, "--json", *argv).json["services"]
        return dict(service)

    def native(self, name: str) -> dict[str, str]:
        """What its native process is given."""
        spec = json.loads((self.path / f".dev/instances/default/run/{name}/spec.json").read_text())
        return dict(spec["env"])

    def ask(self, name: str, timeout: float = 30) -> str:
        port = self.port + ["goer", "pythoner", "noder"].index(name)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello?name=bo", timeout=timeout) as answer:
            assert answer.status == 200
            return str(answer.read().decode())

    def answers(self, name: str) -> str:
        """As soon as it does."""

        def asked() -> str:
            try:
                return self.ask(name)
            except OSError:
                return ""

        return str(wait_until(asked, 30))

    def git(self, *words: str) -> str:
        ran = subprocess.run(["git", *words], cwd=self.path, capture_output=True, text=True, check=True)
        return ran.stdout

    def entries(self, file: str = "launch.json") -> dict[str, dict[str, Any]]:
        """What stands in a file of `.vscode`, by name; such a file of ours is plain JSON."""
        (found,) = (
            each for each in json.loads((self.path / ".vscode" / file).read_text()).values() if type(each) is list
        )
        return {each.get("name", each.get("label")): each for each in found}

    def fresh(self) -> None:
        """Nothing is handed off and no IDE was ever here."""
        for record in (self.path / ".dev/instances/default/handoff").glob("*.json"):
            self.dev("handoff", record.stem, "--back")
        self.git("clean", "-fdxq", "--exclude=.dev", "--exclude=desired_state.toml")
        self.git("checkout", "-q", ".")
        (self.path / ".git/info/exclude").write_text("")
        self.declare()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Started natively; ended with all it started."""
    base = tmp_path_factory.mktemp("editors")
    path, home = base / "zwölf Monde", base / "home"
    for directory in (path, home):
        directory.mkdir()
    checkout = Checkout(path, home)
    caches = {"GOMODCACHE": "go/pkg/mod", "GOCACHE": ".cache/go-build", "UV_CACHE_DIR": ".cache/uv"}
    checkout.env |= {name: os.environ.get(name) or str(Path.home() / place) for name, place in caches.items()}
    checkout.env |= {"DEV_STORE": str(store()), "TERM_PROGRAM": "none"}
    pins = schema.load(TOOL).desired.tools
    wanted = [name for name in ("go", "node", "uv", "python", "delve", "debugpy") if name in pins]
    place = Place(
        checkout,
        "[tools]\n" + "".join(f'{name} = "{pins[name]}"\n' for name in wanted),
        neighbours(ports(20000, 21000), 40),
    )
    place.declare()
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    checkout.write(".gitignore", ".dev/\n__pycache__/\n")
    checkout.write("services/goer/go.mod", "module goer\n\ngo 1.26\n")
    checkout.write("services/goer/cmd/main.go", GO)
    checkout.write("services/goer/cmd/extra.go", '//go:build extra\n\npackage main\n\nconst tag = ""\n')
    checkout.write("services/py thoner/app.py", PYTHON)
    checkout.write("services/py thoner/requirements.lock", locked("uvicorn", "click", "h11"))
    checkout.write("services/noder/server.mjs", NODE)
    for words in (("init", "-q"), ("add", "-A"), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all")):
        place.git(*words)
    try:
        place.dev("start", timeout=300)
        yield place
    finally:
        checkout.dev("clean", "--force")
        left = checkout.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert left == []


@pytest.fixture
def place(made: Place) -> Place:
    """As after a start, whatever a test before did."""
    made.fresh()
    made.dev("start")
    return made


def sourced(file: Path) -> dict[str, str]:
    """What a process gets that a shell starts after `set -a; . FILE`, and nothing before."""
    script = f'set -a && . "{file}" && set +a && exec "$0" -c "$1"'
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    ran = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable, show], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True,
        cwd=file.parent,
    )  # fmt: skip
    assert ran.stderr == b""
    return dict(json.loads(ran.stdout))
