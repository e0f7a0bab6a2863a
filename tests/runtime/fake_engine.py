"""A Docker engine with fixed answers on a socket of its own, and a Compose that says how it was called."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

Answers = Mapping[str, tuple[int, object]]
VERSION: Answers = {
    "/_ping": (200, "OK"), "/version": (200, {"Version": "24.0.7", "ApiVersion": "1.43"}), "/info": (200, {}),
}  # fmt: skip
"""What makes it an engine that can be used."""


class Server(socketserver.ThreadingUnixStreamServer):
    """An engine with these answers; it does not know any other path."""

    answers: Answers = {}
    host = ""
    """What DOCKER_HOST must be."""
    asked: list[str]
    """Method and path of each request."""


class Answer(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        code, value = self.server.answers.get(path, (404, {"message": "no such thing"}))
        body = json.dumps(value).encode() if value != "" else b""
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


@contextlib.contextmanager
def engine(answers: Answers) -> Iterator[Server]:
    """One that runs; its socket is below a path that is short enough."""
    with tempfile.TemporaryDirectory(prefix="e-") as directory:
        server = Server(f"{directory}/s", Answer)
        server.answers, server.asked, server.host = answers, [], f"unix://{directory}/s"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
            server.server_close()


def compose(config: Path, script: str, model: Mapping[str, object] = {}) -> None:
    """A plugin of the user's own in this DOCKER_CONFIG, which runs `script` for all that the tool does not ask."""
    plugin = config / "cli-plugins" / "docker-compose"
    plugin.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"services": model})
    plugin.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = version ]; then echo 2.26.1; exit; fi\n'
        f'case " $* " in *" config --format json "*) echo \'{text}\'; exit;; esac\n{script}\n'
    )
    plugin.chmod(0o755)
