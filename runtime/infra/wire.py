"""Postgres' own protocol, as far as one statement needs it: this takes a few ms, psql is a process.

Source: https://www.postgresql.org/docs/18/protocol.html and RFC 7677 (SCRAM-SHA-256).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType

from facts.ports import HOME

VERSION = 3 << 16
"""Version 3.0 of the protocol."""
LARGEST = 16 * 1024 * 1024
"""The most bytes of one message; a longer one is not from a Postgres server."""
Row = tuple[str | None, ...]


class Refused(Exception):
    """The server answered with an error: its SQLSTATE (for example `28P01`) and its message."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class Connection:
    """One connection over TCP. Raises Refused if the server refuses, OSError if it does not answer in time.

    `timeout` (seconds) is for the whole start-up, and for each statement without its own timeout. `verify` is called
    before anything is sent, and raises an OSError if the other end is not the server. `path` is the search path: by
    default no function, operator or table of a service is found, which the superuser would run or read.
    Source: CVE-2018-1058, https://wiki.postgresql.org/wiki/A_Guide_to_CVE-2018-1058
    """

    def __init__(
        self, port: int, password: str, database: str = "postgres", user: str = "postgres", timeout: float = 2.0,
        verify: Callable[[socket.socket], None] | None = None, path: str = "pg_catalog, pg_temp",
    ) -> None:  # fmt: skip
        self.timeout = timeout
        self._buffer = b""
        self._deadline = time.monotonic() + timeout
        self._socket = socket.socket()
        try:
            self._socket.settimeout(timeout)
            self._socket.connect((HOME, port))
            if verify:
                verify(self._socket)
            self._start(user, password, database, path)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._socket.sendall(_message(b"X", b""))
        except OSError:
            pass
        self._socket.close()

    def query(self, statement: str, timeout: float | None = None) -> list[Row]:
        """The rows that the statement gives, each value as text."""
        self._deadline = time.monotonic() + (timeout or self.timeout)
        self._socket.sendall(_message(b"Q", statement.encode() + b"\0"))
        rows: list[Row] = []
        refused: Refused | None = None
        while True:
            kind, body = self._receive()
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"E":
                refused = _refused(body)
            elif kind == b"Z":
                if refused:
                    raise refused
                return rows

    def _start(self, user: str, password: str, database: str, path: str) -> None:
        words = ("user", user, "database", database, "application_name", "dev", "client_encoding", "UTF8",
                 "search_path", path, "")  # fmt: skip
        body = struct.pack("!i", VERSION) + b"".join(word.encode() + b"\0" for word in words)
        self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
        scram: _Scram | None = None
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise _refused(body)
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            method, rest = struct.unpack("!i", body[:4])[0], body[4:]
            if method == 5:
                self._answer(_md5(user, password, rest) + b"\0")
            elif method == 10 and b"SCRAM-SHA-256" in rest.split(b"\0"):
                scram = _Scram(password)
                first = scram.first()
                self._answer(b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
            elif method == 11 and scram:
                self._answer(scram.final(rest))
            elif method == 12 and scram:
                scram.check(rest)
            elif method != 0:
                raise Refused("28000", _unanswered(method))

    def _answer(self, body: bytes) -> None:
        self._socket.sendall(_message(b"p", body))

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._read(5)
        length = struct.unpack("!i", head[1:])[0] - 4
        if not 0 <= length <= LARGEST:
            raise ConnectionError("its answer is not Postgres' protocol")
        return head[:1], self._read(length)

    def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            self._socket.settimeout(left)
            block = self._socket.recv(65536)
            if not block:
                raise ConnectionResetError("it closed the connection")
            self._buffer += block
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found


def verifier(password: str) -> str:
    """What a server keeps of a password, in the form that `PASSWORD '…'` takes (RFC 5803)."""
    salt, rounds = secrets.token_bytes(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    stored, server = hashlib.sha256(_hmac(salted, b"Client Key")).digest(), _hmac(salted, b"Server Key")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${rounds}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def _unanswered(method: int) -> str:
    """Why a request for authentication is not answered."""
    if method == 3:  # another program that listens there would learn the password
        return "it asks for the password in clear text, which is not sent: it must use SCRAM"
    return f"it requires an unknown authentication method ({method})"


class _Scram:
    """The client's side of one SCRAM-SHA-256 authentication."""

    def __init__(self, password: str) -> None:
        self.password = password.encode()
        self.bare = f"n=,r={secrets.token_urlsafe(18)}".encode()
        self.expected = b""

    def first(self) -> bytes:
        """No channel binding."""
        return b"n,," + self.bare

    def final(self, challenge: bytes) -> bytes:
        """The proof that the password is known, for the server's salt."""
        parts = _parts(challenge)
        if not parts.get(b"r", b"").startswith(self.bare[5:]):
            raise ConnectionError("its answer is not SCRAM-SHA-256")
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(parts[b"s"]), int(parts[b"i"]))
        without = b"c=biws,r=" + parts[b"r"]
        said = b",".join((self.bare, challenge, without))
        key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(key).digest(), said)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        self.expected = base64.b64encode(_hmac(_hmac(salted, b"Server Key"), said))
        return without + b",p=" + base64.b64encode(proof)

    def check(self, answer: bytes) -> None:
        """Check that the server knows the password too."""
        if not hmac.compare_digest(_parts(answer).get(b"v", b""), self.expected):
            raise ConnectionError("the server does not know the password")


def _parts(text: bytes) -> dict[bytes, bytes]:
    return {part[:1]: part[2:] for part in text.split(b",")}


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def _md5(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5(password.encode() + user.encode()).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt).hexdigest().encode()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _row(body: bytes) -> Row:
    values: list[str | None] = []
    at = 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        length = struct.unpack("!i", body[at : at + 4])[0]
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode(errors="replace"))
        at += max(0, length)
    return tuple(values)


def _refused(body: bytes) -> Refused:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    more = f" ({fields[b'D']})" if b"D" in fields else ""
    return Refused(fields.get(b"C", ""), fields.get(b"M", "it gave no reason") + more)
