"""Standalone Python as uv knows it: the archive of each platform, and the hash that uv expects of it."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import re
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from converge import installing
from converge.errors import DevError

PYTHONS = {
    "linux-x64": "-linux-x86_64-gnu",
    "linux-arm64": "-linux-aarch64-gnu",
    "macos-x64": "-macos-x86_64-none",
    "macos-arm64": "-macos-aarch64-none",
}
"""Platform -> how uv's key of a standalone CPython ends."""


def locked(pin: str, machine: Any, uv: str) -> dict[str, Any]:
    """Standalone CPython as uv knows it. Its list has addresses and no hashes, but it says which one it expects when
    a mirror gives it another archive, so a loopback one gives it an empty archive."""

    argv = [uv, "python", "list", "--all-versions", "--all-platforms", "--all-arches", "--output-format=json"]
    ran = machine.run([*argv, "--no-config", pin], env=installing.environment())
    known = {row["key"]: row for row in json.loads(ran.stdout or "[]") if row["url"] and row["variant"] == "default"}
    archives: dict[str, dict[str, str]] = {}
    version = ""
    with _loopback(_empty_archive()) as mirror:
        for name, suffix in PYTHONS.items():
            rows = [row for key, row in known.items() if key.endswith(suffix)]
            newest = max(rows, key=lambda row: tuple(row["version_parts"].values()), default=None)
            if newest is None:
                continue
            with tempfile.TemporaryDirectory() as directory:
                argv = [uv, "python", "install", "--no-bin", "--no-config", "--mirror", mirror]
                argv += ["--install-dir", directory, newest["key"]]
                said = machine.run(argv, timeout=300, env=installing.environment()).stderr
            if found := re.search(r"[Ee]xpected:?\s+(?:sha256:)?([0-9a-f]{64})", said):
                archives[name] = {"url": newest["url"], "sha256": found.group(1)}
                version = newest["version"]
    if not archives:
        raise DevError("no-provider", f"uv has no Python {pin} with a hash", hint="check the version")
    return {"pin": pin, "version": version, "hashed": "uv", "archives": archives}


@contextlib.contextmanager
def _loopback(answer: bytes) -> Iterator[str]:
    """A server that gives the same answer to every client."""

    class Same(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Same) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _empty_archive() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("python/empty"))
    return file.getvalue()
