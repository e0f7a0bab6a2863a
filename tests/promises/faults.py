"""Programs and servers that fail, hang or answer garbage instead of what they should do."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conftest import elapse

SHIM = r"""#!/bin/sh
# the call with this number is the one that goes wrong
n=0
while ! mkdir "{counts}/$n" 2>/dev/null; do n=$((n + 1)); done
if [ "$n" = {number} ]; then
    case {how} in
        fails) echo "{name}: an error that nobody expects" >&2; exit 7 ;;
        hangs) exec sleep 3600 ;;
        garbage) printf '\377\000\033[2J{{"\n\n=%%s\t\r\n'; exit 0 ;;
        killed) kill -9 $$ ;;
    esac
fi
exec {real} "$@"
"""


def shim(directory: Path, name: str, how: str, number: int) -> Path | None:
    """A directory for the front of PATH, in which the program goes wrong at one of its calls; None without it."""
    real = shutil.which(name)
    if not real:
        return None
    counts = directory / "counts"
    counts.mkdir(parents=True)
    program = directory / "bin" / name
    program.parent.mkdir()
    program.write_text(SHIM.format(counts=counts, number=number, how=how, name=name, real=real))
    program.chmod(0o755)
    return program.parent


def called(directory: Path) -> int:
    """How often the program was called."""
    return len(list((directory / "counts").iterdir()))


Handler = Callable[[socket.socket], object]


def _reply(answer: bytes) -> Handler:
    def handle(caller: socket.socket) -> None:
        caller.recv(65536)
        caller.sendall(answer)

    return handle


def _silent(caller: socket.socket) -> None:
    while caller.recv(65536):
        pass


def _drips(caller: socket.socket) -> None:
    caller.recv(65536)
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000:
        caller.sendall(bytes([byte]))
        elapse(0.3)


def _closes(caller: socket.socket) -> None:
    pass


SERVERS: dict[str, Handler] = {
    "closes": _closes,
    "never answers": _silent,
    "answers slowly": _drips,
    "garbage": _reply(bytes(range(256)) * 8),
    "an error": _reply(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"),
    "not found": _reply(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    "another document": _reply(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n<html></html>"),
    "half a document": _reply(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{"Version": "'),
    "another type": _reply(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n[1, 2]"),
}


@contextmanager
def served(listener: socket.socket, handler: Handler) -> Iterator[None]:
    """Let every caller of the listener have that."""

    def one(caller: socket.socket) -> None:
        with caller, suppress(OSError):
            handler(caller)

    def serve() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(caller,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextmanager
def unix(path: Path, handler: Handler) -> Iterator[str]:
    """The address of a Docker engine that is none."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    with served(listener, handler):
        yield f"unix://{path}"


@contextmanager
def tcp(handler: Handler) -> Iterator[str]:
    """The address of a server on loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    with served(listener, handler):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
