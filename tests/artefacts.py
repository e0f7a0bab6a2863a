"""Tiny artefacts made here, and a loopback index that serves them: well, slowly, or behind a proxy that opens TLS."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import socket
import ssl
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SCRIPT = "#!/bin/sh\necho hello 1.0\n"


def wheel(directory: Path, name: str = "hello", version: str = "1.0", size: int = 0) -> Path:
    """A wheel that brings one command; `size` bytes of ballast make it slow to move."""
    path = directory / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}-{version}.data/scripts/{name}": SCRIPT.encode(),
        f"{name}-{version}.data/scripts/ballast": b"\0" * 0,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if size:
        files[f"{name}-{version}.data/scripts/ballast"] = hashlib.shake_256(b"x").digest(size)
    record = "".join(f"{file},,\n" for file in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": record.encode()}.items():
            about = zipfile.ZipInfo(file)
            about.external_attr = (0o100755 if "/scripts/" in file else 0o100644) << 16
            archive.writestr(about, content)
    return path


def package(directory: Path, module: str, version: str, files: Mapping[str, str]) -> Path:
    """A wheel of these files."""
    info = f"{module}-{version}.dist-info"
    name = module.replace("_", "-")
    entries = {
        **files, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }  # fmt: skip
    record = "".join(f"{file},,\n" for file in entries) + f"{info}/RECORD,,\n"
    path = directory / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in {**entries, f"{info}/RECORD": record}.items():
            archive.writestr(file, content)
    return path


def lock(path: Path, sha256: str = "") -> str:
    """A desired_state.lock that knows this wheel, for every platform."""
    name, version = path.name.split("-")[:2]
    digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
    rows = [
        f'wheels.{platform} = {{ file = "{path.name}", sha256 = "{digest}" }}'
        for platform in ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64")
    ]
    return "\n".join(["schema = 1", f"[tools.{name}]", f'version = "{version}"', f'package = "{name}"', *rows, ""])


def python_archive(path: Path, interpreter: str) -> None:
    """A standalone Python that is another one in disguise."""
    script = f'#!/bin/sh\nexec {interpreter} "$@"\n'.encode()
    with tarfile.open(path, "w:gz") as archive:
        about = tarfile.TarInfo("python/bin/python3")
        about.size, about.mode = len(script), 0o755
        archive.addfile(about, io.BytesIO(script))


class Index(http.server.BaseHTTPRequestHandler):
    """A package index (PEP 503) of the files in `directory`; `stall` sends half a file and then nothing."""

    directory = Path()
    stall = False
    stalled = threading.Event()
    """Set when half a file has been sent."""

    def do_GET(self) -> None:
        files = [path for kind in ("whl", "tar.gz", "deb") for path in sorted(self.directory.glob(f"*.{kind}"))]
        if self.path.startswith("/simple/"):
            links = "".join(f'<a href="/files/{file.name}">{file.name}</a>' for file in files)
            return self._answer(f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")
        for file in files:
            if self.path.rpartition("/")[2] == file.name:
                return self._answer(file.read_bytes(), "application/octet-stream")
        return self.send_error(404)

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2 if self.stall and kind != "text/html" else len(body)
        self.wfile.write(body[:half])
        self.wfile.flush()
        if half < len(body):
            self.stalled.set()
            with contextlib.suppress(OSError):
                self.connection.recv(1)  # until the client hangs up

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def index(directory: Path, stalled: threading.Event | None = None) -> Iterator[str]:
    """The address of an index of the directory, on loopback; with `stalled` it sends half a file and sets that."""
    values = {"directory": directory, "stall": stalled is not None, "stalled": stalled}
    handler = type("Here", (Index,), values)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def authority(directory: Path, host: str) -> tuple[Path, Path]:
    """A private CA and, signed by it, key and certificate of the host in one file."""
    ca, key, request, signed = (directory / name for name in ("ca.pem", "ca.key", "host.csr", "host.pem"))
    run = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj"]
    extensions = directory / "extensions"
    extensions.write_text(f"subjectAltName=DNS:{host}\n")
    for argv in (
        [*run, "/CN=Private CA", "-x509", "-days", "2", "-keyout", str(key), "-out", str(ca)],
        [*run, f"/CN={host}", "-keyout", str(signed), "-out", str(request)],
        ["openssl", "x509", "-req", "-in", str(request), "-CA", str(ca), "-CAkey", str(key), "-CAcreateserial",
         "-days", "2", "-extfile", str(extensions), "-out", str(directory / "host.crt")],
    ):  # fmt: skip
        subprocess.run(argv, check=True, capture_output=True)
    signed.write_text(signed.read_text() + (directory / "host.crt").read_text())
    return ca, signed


@contextmanager
def intercepting_proxy(directory: Path, certificate: Path) -> Iterator[tuple[str, list[str]]]:
    """A proxy that opens every TLS connection with its own certificate and answers as an index of the directory.

    Gives its address and the list of hosts it was asked for.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    handler = type("Inside", (Index,), {"directory": directory})
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (block := connection.recv(4096)):
                    return
                head += block
            method, target = head.decode("latin-1").split()[:2]
            asked.append(target)
            if method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                handler(context.wrap_socket(connection, server_side=True), ("", 0), None)  # type: ignore[arg-type]
        except OSError:
            pass
        finally:
            connection.close()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    listener.close()
