"""What the tests run with: the tiny app as a process, a JWKS, a raw HTTP client, a database of one's own."""

from __future__ import annotations

import http.server
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import vectors
from psycopg.conninfo import make_conninfo

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Answer:
    """What came back over the socket."""

    status: int
    headers: dict[str, str]
    body: Any


class Issuer:
    """Serves a JWKS and counts who asks; can be taken away."""

    def __init__(self) -> None:
        self.document, self.asked = vectors.jwks(), 0
        self._server: http.server.ThreadingHTTPServer | None = None
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(outer.document)

            def log_message(self, *_: object) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.stop()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def environment(name: str, issuer_url: str, **more: str) -> dict[str, str]:
    """What a service of one configuration finds around it."""
    common = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, (HERE.parent, HERE.parents[1] / "python-testing", HERE))),
        "SERVICE_AUTH_TOKEN": vectors.SERVICE,
        "SERVICE_AUTH_TOKEN_PREVIOUS": vectors.PREVIOUS,
        "TEST_AUTH_SECRET": vectors.TEST_SECRET,
    }
    app = vectors.APPS[name]
    own = {
        "local": {"APP_ENV": "development", "AUTH_LOCAL_ISSUER": issuer_url},
        "test": {"APP_ENV": "test", "AUTH_LOCAL_ISSUER": issuer_url},
        "clerk": {"CLERK_JWT_KEY": vectors.PEM.replace("\n", "\\n"), "CLERK_ISSUER": app.issuer},
    }[name]
    return {**common, **own, **({"AUTH_AUTHORIZED_PARTIES": app.party} if name == "clerk" else {}), **more}


class Service:
    """The tiny app, listening."""

    def __init__(self, environ: dict[str, str], host: str = "127.0.0.1", log: Path | None = None) -> None:
        self.port = free_port()
        self.log = log or Path(os.devnull)
        self._out = self.log.open("w")
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "app:app",
            "--host",
            host,
            "--port",
            str(self.port),
            "--no-access-log",
        ]
        self.process = subprocess.Popen(command, env=environ, stdout=self._out, stderr=self._out)
        deadline = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"did not listen: {self.log.read_text()}")

    def get(self, path: str, headers: list[tuple[str, str]] = ()) -> Answer:  # type: ignore[assignment]
        return get(self.port, path, headers)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._out.close()


def get(port: int, path: str, headers: list[tuple[str, str]]) -> Answer:
    """GET over a socket of its own: every header byte for byte, duplicates and all."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: test",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        raw = b""
        while part := connection.recv(65536):
            raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    told = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return Answer(int(first.split()[1]), told, json.loads(body) if body[:1] == b"{" else body)


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A database of one's own on the server of DATABASE_URL, dropped afterwards."""
    server = os.environ.get("DATABASE_URL")
    if not server:
        pytest.skip("needs Postgres: set DATABASE_URL to a server where databases may be made")
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
