"""A platform of three small services, one of each language, whose tools are those of this machine's store."""

from __future__ import annotations

import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from converge import schema
from converge.instance import store
from tests.conftest import TOOL, Checkout, locked, neighbours, ports
from tests.debug import dap

GO = """package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if os.Getenv("REFUSE") != "" {
		fmt.Println("it will not")
		os.Exit(3)
	}
	if os.Getenv("DEAF") != "" {
		time.Sleep(time.Hour)
	}
	http.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {})
	http.HandleFunc("/hello", hello)
	http.HandleFunc("/tags", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, tags) })
	go http.ListenAndServe(os.Getenv("HOST")+":"+os.Getenv("PORT"), nil)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, os.Interrupt)
	<-asked
}

func hello(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	greeting := "hello " + name
	fmt.Fprintln(w, greeting)
}
"""
PYTHON = """from urllib.parse import parse_qs


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/readyz":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        return await send({"type": "http.response.body"})
    name = parse_qs(scope["query_string"].decode()).get("name", [""])[0]
    greeting = "hello " + name
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(greeting))]})
    await send({"type": "http.response.body", "body": greeting.encode()})
"""
NODE = """import http from "node:http";

http
  .createServer((request, response) => {
    if (request.url === "/readyz") return response.end();
    const name = new URL(request.url, "http://host").searchParams.get("name");
    const greeting = "hello " + name;
    response.end(greeting);
  })
  .listen(process.env.PORT, process.env.HOST);
"""
STATE = """
[services.goer]
kind = "go"
path = "goer"
port = {0}
ready = {{ http = "/readyz" }}
env = {{ GOFLAGS = "-tags=authtest" }}

[services.pythoner]
kind = "python"
path = "pythoner"
port = {1}
app = "app:app"
ready = {{ http = "/readyz" }}

[services.noder]
kind = "node"
path = "noder"
port = {2}
ready = {{ http = "/readyz" }}

[services.plain]
kind = "command"
port = {3}
dev = "exec python3 -m http.server --bind 127.0.0.1 {{port}}"
"""


@dataclass
class Platform:
    """The checkout, and how its services are asked."""

    checkout: Checkout

    def of(self, name: str) -> dict[str, Any]:
        """What `./dev status --json` says of a service."""
        return self.checkout.components()[name]

    def debug(self, name: str) -> int:
        """Have it under its debugger; gives that one's port."""
        ran = self.checkout.dev("debug", name, "--json", timeout=300)
        assert ran.code == 0, ran.err
        return int(ran.json["address"].rpartition(":")[2])

    def ask(self, name: str, path: str = "/hello?name=bo", timeout: float = 60) -> tuple[int, str]:
        """Status and text of an answer."""
        with urllib.request.urlopen(f"http://{self.of(name)['address']}{path}", timeout=timeout) as answer:
            return answer.status, answer.read().decode()

    def later(self, name: str) -> Answer:
        """Ask it while the test goes on."""
        return Answer(f"http://{self.of(name)['address']}/hello?name=bo")

    def line(self, file: str, text: str) -> tuple[str, int]:
        """The whole path of a source, and the line on which the text is."""
        path = self.checkout.path / file
        return str(path), next(n for n, row in enumerate(path.read_text().splitlines(), 1) if text in row)


class Answer(threading.Thread):
    """A request that is under way."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address, self.got = address, (0, "")
        self.start()

    def run(self) -> None:
        with urllib.request.urlopen(self.address, timeout=dap.TIMEOUT * 2) as answer:
            self.got = (answer.status, answer.read().decode().strip())

    def wait(self) -> tuple[int, str]:
        """Status and text."""
        self.join(dap.TIMEOUT * 2)
        return self.got


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Four services that run; ended with all they started."""
    base = tmp_path_factory.mktemp("debug")
    path, home = base / "zwölf Monde", base / "home"
    path.mkdir()
    home.mkdir()
    made = Checkout(path, home)
    caches = {"GOMODCACHE": "go/pkg/mod", "GOCACHE": ".cache/go-build", "UV_CACHE_DIR": ".cache/uv"}
    made.env |= {name: os.environ.get(name) or str(Path.home() / place) for name, place in caches.items()}
    made.env["DEV_STORE"] = str(store())
    pins = schema.load(TOOL).desired.tools
    wanted = ("go", "node", "uv", "delve", "debugpy", "python")
    first = neighbours(ports(21000, 22000), 40)
    made.state(
        "[tools]\n" + "".join(f'{name} = "{pins[name]}"\n' for name in wanted) + STATE.format(*range(first, first + 4))
    )
    made.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    made.write("goer/go.mod", "module goer\n\ngo 1.27\n")
    made.write("goer/main.go", GO)
    made.write("goer/tags.go", '//go:build authtest\n\npackage main\n\nconst tags = "authtest"\n')
    made.write("goer/none.go", '//go:build !authtest\n\npackage main\n\nconst tags = ""\n')
    made.write("pythoner/app.py", PYTHON)
    made.write("pythoner/requirements.lock", locked("uvicorn", "click", "h11"))
    made.write("noder/package.json", '{"name": "noder", "scripts": {"dev": "node server.mjs"}}')
    made.write("noder/server.mjs", NODE)
    try:
        started = made.dev("start", timeout=300)
        assert started.code == 0, started.err
        yield Platform(made)
    finally:
        made.dev("clean", "--force")
        left = made.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert left == []
