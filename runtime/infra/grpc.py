"""One gRPC call without a library, over HTTP/2 without TLS: enough to look at the Pub/Sub emulator.

Source: RFC 9113 (frames), RFC 7541 (headers, sent as literals and never read), and gRPC's PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator

from facts.ports import HOME

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK = 1, 1
END_HEADERS = 4
LARGEST = 16 * 1024 * 1024
"""The most bytes of one frame and of one answer; a longer frame is not from a gRPC server."""
INITIAL_WINDOW = 4
"""Identifier of a setting: bytes of an answer that the server sends before it waits; without it 64 KiB."""


class Refused(Exception):
    """The server answered without a message, which is an error in gRPC."""


def call(
    port: int, method: str, message: bytes, timeout: float = 2.0,
    verify: Callable[[socket.socket], None] | None = None,
) -> bytes:  # fmt: skip
    """The answer to `/package.Service/Method`, encoded like the message. OSError if none comes within `timeout` s.

    `verify` is called before anything is sent, and raises an OSError if the other end is not the server.
    """
    deadline = time.monotonic() + timeout
    with socket.socket() as connection:
        connection.settimeout(timeout)
        connection.connect((HOME, port))
        if verify:
            verify(connection)
        connection.sendall(request(port, method, message))
        answer = b""
        for kind, flags, stream, payload in _frames(connection, deadline):
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(_frame(SETTINGS, ACK, 0, b""))
            elif kind == PING and not flags & ACK:
                connection.sendall(_frame(PING, ACK, 0, payload))
            elif kind == DATA and stream == 1:
                answer += payload
            elif kind in (RESET, GOAWAY):
                raise Refused(f"{method} was refused")
            if stream == 1 and kind in (DATA, HEADERS) and flags & END_STREAM:
                break
    if len(answer) < 5:
        raise Refused(f"{method} was refused")
    return answer[5 : 5 + struct.unpack("!I", answer[1:5])[0]]


def request(port: int, method: str, message: bytes) -> bytes:
    """What a client sends for one call, from its first byte on."""
    body = b"\0" + struct.pack("!I", len(message)) + message
    return (
        PREFACE + _frame(SETTINGS, 0, 0, struct.pack("!HI", INITIAL_WINDOW, LARGEST))
        + _frame(WINDOW, 0, 0, struct.pack("!I", LARGEST)) + _frame(HEADERS, END_HEADERS, 1, _headers(port, method))
        + _frame(DATA, END_STREAM, 1, body)
    )  # fmt: skip


def text(number: int, value: str | bytes) -> bytes:
    """A field of a protobuf message: a string, or a message inside it."""
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def number(field: int, value: int) -> bytes:
    """A field of a protobuf message: an integer."""
    return _varint(field << 3) + _varint(value)


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each string or message in a protobuf message; other fields are left out."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == 2:
            length, at = _read_varint(message, at)
            yield key >> 3, message[at : at + length]
            at += length
        elif kind == 0:
            _, at = _read_varint(message, at)
        else:
            at += 8 if kind == 1 else 4


def _headers(port: int, method: str) -> bytes:
    pairs = (
        (":method", "POST"), (":scheme", "http"), (":path", method), (":authority", f"{HOME}:{port}"),
        ("te", "trailers"), ("content-type", "application/grpc"),
    )  # fmt: skip
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in pairs)


def _string(value: str) -> bytes:
    data = value.encode()
    assert len(data) < 127, value
    return bytes([len(data)]) + data


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def _frames(connection: socket.socket, deadline: float) -> Iterator[tuple[int, int, int, bytes]]:
    buffer = b""
    while True:
        while len(buffer) < 9 or len(buffer) < 9 + struct.unpack("!I", b"\0" + buffer[:3])[0]:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            connection.settimeout(left)
            block = connection.recv(65536)
            if not block:
                raise ConnectionResetError("it closed the connection")
            buffer += block
            if len(buffer) > LARGEST:
                raise ConnectionError("its answer is not gRPC")
        length = struct.unpack("!I", b"\0" + buffer[:3])[0]
        yield buffer[3], buffer[4], struct.unpack("!I", buffer[5:9])[0] & 0x7FFFFFFF, buffer[9 : 9 + length]
        buffer = buffer[9 + length :]


def _varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ConnectionError("its answer is not protobuf")
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
