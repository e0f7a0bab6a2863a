"""An edge of another version of the tool is replaced at the next reload, and no caller notices."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from converge import schema
from converge.instance import Instance
from facts import users
from runtime.component import LOOPBACK_FOR
from runtime.placements import native
from runtime.platform import Platform
from runtime.routes import owner_map
from tests.conftest import HEAD, TOOL, is_free, wait_until

HOST = LOOPBACK_FOR["native"]
MODULES = (
    "facts/__init__.py", "facts/descent.py", "facts/peers.py", "facts/processes.py", "facts/regular.py",
    "facts/users.py", "facts/value.py", "runtime/__init__.py", "runtime/routes/__init__.py", "runtime/routes/edge.py",
    "runtime/routes/keeper.py",
)  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have 127.0.0.1 only")


class Service(http.server.BaseHTTPRequestHandler):
    """Answers at once, or, if asked for /slow, when `go_on` is set."""

    came, go_on = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.came.set()
            self.go_on.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Place:
    """A copy of the edge before one service."""

    path: Path
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, path: str = "/") -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            answer = b""
            while block := connection.recv(65536):
                answer += block
            return answer.rpartition(b"\r\n\r\n")[2]

    def reload(self, *more: str) -> None:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(60)
            control.connect(str(self.path / "control.sock"))
            control.sendall(b"reload\n")
            assert json.loads(control.recv(4096)) == {name: {"listens": True} for name in ("echo", *more)}

    def edit(self, text: str, module: str = "runtime/routes/edge.py") -> None:
        """Another version of the module, which begins with this line."""
        path = self.path / "tool" / module
        path.write_text(path.read_text().replace("import annotations\n", f"import annotations\n{text}\n", 1))

    def said(self) -> str:
        return (self.path / "log").read_text()


@pytest.fixture(params=["edge.py", "keeper.py"])
def place(request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Place]:
    for name in MODULES:
        (tmp_path / "tool" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOOL / name, tmp_path / "tool" / name)
    (tmp_path / "host").mkdir()
    port = free_port()
    (tmp_path / "owner.map").write_text(f"echo native@{HOST}\n")
    spec = {
        "services": {"echo": {"port": port, "protocol": "http"}}, "due": {}, "back": [],
        "control": str(tmp_path / "control.sock"), "directory": str(tmp_path), "users": [0, os.getuid()],
    }  # fmt: skip
    (tmp_path / "edge.json").write_text(json.dumps(spec))
    Service.came.clear()
    Service.go_on.clear()
    server = http.server.ThreadingHTTPServer((HOST, port), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    program = tmp_path / "tool/runtime/routes" / request.param
    argv = [sys.executable, "-I", "-S", str(program), str(tmp_path / "edge.json")]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    wait_until(lambda: not is_free(port) and (tmp_path / "control.sock").exists(), 60)
    yield Place(tmp_path, port, process)
    process.kill()
    process.wait()
    Service.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("module", ["runtime/routes/edge.py", "facts/descent.py"])
def test_another_version_takes_over_between_two_requests(place: Place, module: str) -> None:
    answers: list[bytes] = []
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            answers.append(place.ask())

    assert place.ask() == b"ok"
    place.edit("print('the second version', flush=True)", module)
    caller = threading.Thread(target=call)
    caller.start()
    try:
        place.reload()
        wait_until(lambda: "the second version" in place.said(), 60)
        count = len(answers)
        wait_until(lambda: len(answers) > count + 5, 60)
    finally:
        over.set()
        caller.join()
    assert set(answers) == {b"ok"} and place.process.poll() is None
    place.reload()
    assert place.said().count("the second version") == 1, "it is the same version now"


def test_it_waits_for_the_end_of_a_request(place: Place) -> None:
    answers: list[bytes] = []
    caller = threading.Thread(target=lambda: answers.append(place.ask("/slow")))
    caller.start()
    assert Service.came.wait(60)
    place.edit("print('the second version', flush=True)")
    place.reload()
    assert place.ask() == b"ok" and "the second version" not in place.said()
    Service.go_on.set()
    caller.join(60)
    wait_until(lambda: "the second version" in place.said(), 60)
    assert answers == [b"ok"] and place.ask() == b"ok"


def test_it_does_not_wait_for_a_pool_of_connections_to_a_database(place: Place, free_port: Callable[[], int]) -> None:
    port, path = free_port(), place.path / "edge.json"
    entry = {"port": port, "protocol": "tcp", "users": [0, os.getuid()], "callers": [0, os.getuid()]}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"infra": {"db": entry}}))
    (place.path / "owner.map").write_text(f"echo native@{HOST}\ndb native@{HOST}\n")
    with socket.create_server((HOST, port)) as database:
        place.reload("db")
        with socket.create_connection(("127.0.0.1", port), 60) as pooled, database.accept()[0] as one:
            pooled.sendall(b"select")
            assert one.recv(6) == b"select"
            place.edit("print('the second version', flush=True)")
            place.reload("db")
            wait_until(lambda: "the second version" in place.said(), 60)
            assert pooled.recv(1) == b"", "a client sees the end, and connects again"
        with socket.create_connection(("127.0.0.1", port), 60) as again, database.accept()[0] as other:
            again.sendall(b"select")
            assert other.recv(6) == b"select" and place.ask() == b"ok"


OLD = """
import json, os, socket, sys
seen, keeper, spec = {seen!r}, {keeper!r}, json.load(open(sys.argv[1]))
if os.path.exists(seen):
    os.execv(sys.executable, [sys.executable, "-I", "-S", keeper, sys.argv[1]])
open(seen, "w").close()
os.chdir(os.path.dirname(spec["control"]))
listener = socket.socket(socket.AF_UNIX)
listener.bind("control.sock")
listener.listen()
while True:
    connection, _ = listener.accept()
    connection.recv(100)
    connection.sendall(json.dumps(dict.fromkeys(spec["services"])).encode() + b"\\n")
"""


def test_a_version_that_asks_no_caller_gets_no_infrastructure_and_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    """It would wait for the end of its connections."""
    monkeypatch.setenv(users.SETTING, "yes")
    monkeypatch.setattr(owner_map, "RENEWAL", 0.1)
    old = tmp_path / "old.py"
    old.write_text(OLD.format(seen=str(tmp_path / "seen"), keeper=str(owner_map.KEEPER)))
    monkeypatch.setattr(owner_map, "KEEPER", old)
    text = (
        f"{HEAD}[infra.redis]\nport = {free_port()}\n[services.a]\nkind = 'command'\ndev = 'x'\nport = {free_port()}\n"
    )
    instance = Instance(tmp_path, "x")
    instance.routes.mkdir(parents=True)
    try:
        owner_map._start_edge(Platform(schema.parse(text.encode()), instance))
        assert owner_map._ask_edge(instance, "look").keys() == {"a", "redis"} and (tmp_path / "seen").exists()
    finally:
        native.stop(owner_map.edge(instance))


@pytest.mark.parametrize("text", ["def half(", "raise SystemExit(\0", "nonlocal x"])
def test_half_an_update_is_not_run(place: Place, text: str) -> None:
    place.edit(text)
    place.reload()
    assert place.ask() == b"ok" and place.process.poll() is None and place.said() == ""
