"""Servers that do not speak Postgres' protocol or gRPC as they should are refused, in time, with a reason."""

from __future__ import annotations

import base64
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from runtime.infra import grpc, wire

Serve = Callable[[Callable[[socket.socket], None]], int]
SETTINGS, ACK = 4, 1


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Port of a server that gives each connection to the function, and then closes it."""
    servers = []

    def start(handle: Callable[[socket.socket], None]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run() -> None:
            with server:
                connection, _ = server.accept()
                with connection:
                    handle(connection)

        threading.Thread(target=run, daemon=True).start()
        port: int = server.getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()


def authentication(method: int, rest: bytes = b"") -> bytes:
    """A message that asks for authentication, or tells its outcome."""
    body = struct.pack("!i", method) + rest
    return b"R" + struct.pack("!i", len(body) + 4) + body


def scram(connection: socket.socket, nonce: bytes, final: bytes) -> None:
    """A server that does not know the password; its nonce and its last words are given."""
    connection.recv(4096)
    connection.sendall(authentication(10, b"SCRAM-SHA-256\0\0"))
    first = connection.recv(4096)
    ours = first.rpartition(b"r=")[2] if nonce == b"ours" else nonce
    connection.sendall(authentication(11, b"r=" + ours + b"x,s=" + base64.b64encode(b"salt") + b",i=4096"))
    if connection.recv(4096):
        connection.sendall(authentication(12, final) + authentication(0) + b"Z\0\0\0\5I")
        connection.recv(4096)


@pytest.mark.parametrize(
    ("nonce", "final", "why"),
    [(b"ours", b"v=" + base64.b64encode(b"0" * 32), "does not know the password"),
     (b"ours", b"v=", "does not know the password"), (b"ours", b"e=other", "does not know the password"),
     (b"another", b"", "not SCRAM-SHA-256")],
)  # fmt: skip
def test_a_server_that_does_not_know_the_password_is_not_believed(
    serve: Serve, nonce: bytes, final: bytes, why: str
) -> None:
    port = serve(lambda connection: scram(connection, nonce, final))
    with pytest.raises(ConnectionError, match=why):
        wire.Connection(port, "secret", timeout=30)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def read_frame(connection: socket.socket) -> tuple[int, int, bytes]:
    head = connection.recv(9, socket.MSG_WAITALL)
    length = int.from_bytes(head[:3], "big")
    return head[3], head[4], connection.recv(length, socket.MSG_WAITALL) if length else b""


def test_settings_and_pings_of_a_server_are_acknowledged_before_its_answer_is_read(serve: Serve) -> None:
    acknowledged: list[tuple[int, bytes]] = []

    def handle(connection: socket.socket) -> None:
        connection.recv(len(grpc.PREFACE), socket.MSG_WAITALL)
        connection.sendall(frame(SETTINGS, 0, 0) + frame(6, 0, 0, b"01234567"))
        while len(acknowledged) < 2:
            kind, flags, payload = read_frame(connection)
            if flags & ACK and kind in (SETTINGS, 6):
                acknowledged.append((kind, payload))
        connection.sendall(frame(0, 1, 1, b"\0\0\0\0\2hi"))

    assert grpc.call(serve(handle), "/a.B/C", b"", timeout=30) == b"hi"
    assert acknowledged == [(SETTINGS, b""), (6, b"01234567")]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(frame(3, 0, 1, b"\0\0\0\2"), grpc.Refused), (frame(7, 0, 0, b"\0" * 8), grpc.Refused),
     (frame(1, 5, 1), grpc.Refused), (b"", OSError), (b"HTTP/1.1 400 Bad Request\r\n\r\n", OSError)],
)  # fmt: skip
def test_a_call_without_an_answer_is_an_error(serve: Serve, answer: bytes, problem: type[Exception]) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(len(grpc.PREFACE), socket.MSG_WAITALL)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass

    with pytest.raises(problem):
        grpc.call(serve(handle), "/a.B/C", b"", timeout=30)


@pytest.mark.parametrize("message", [b"\x80", b"\xff" * 11, b"\x0a\x80"])
def test_what_is_not_protobuf_is_an_error(message: bytes) -> None:
    with pytest.raises(ConnectionError, match="protobuf"):
        list(grpc.fields(message))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 1 << 31])
def test_fields_are_read_as_they_were_written(value: int) -> None:
    message = grpc.text(1, "one") + grpc.number(2, value) + grpc.text(300, b"x" * 200)
    assert list(grpc.fields(message)) == [(1, b"one"), (300, b"x" * 200)]
