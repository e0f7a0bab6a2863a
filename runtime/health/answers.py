"""HTTP and TCP probes of a port; each ends at its deadline, whatever the other side does."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from facts.value import dataclass

Verify = Callable[[socket.socket], None]
LARGEST_HEAD = 65536
"""The most bytes of a status line and headers that are read; the body is never read."""

LARGEST_LINE = 1000
"""Bytes within which the status line must end."""


@dataclass(frozen=True)
class Deadline:
    """The end of a whole look. `at` is on the monotonic clock, `seconds` is its timeout, for messages."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline that is so many seconds from now."""
        return cls(time.monotonic() + seconds, seconds)

    def left(self) -> float:
        """Seconds that remain; TimeoutError if none do."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def http(host: str, port: int, path: str, deadline: Deadline, verify: Verify = lambda _: None) -> str:
    """Why a GET of the path does not give a status from 200 to 399; empty if it does. Redirects are not followed.

    `verify` is called before anything is sent, and raises an OSError if the other end is not the component.
    """
    try:
        with socket.socket() as connection:  # create_connection imports the codec of host names
            connection.settimeout(deadline.left())
            connection.connect((host, port))
            verify(connection)
            return ask(connection, path, port, deadline)
    except TimeoutError:
        return f"{path}: timed out after {deadline.seconds:g} s"
    except OSError as problem:
        return f"{path}: {str(problem) or type(problem).__name__}"


def ask(connection: socket.socket, path: str, port: int, deadline: Deadline, any_answer: bool = False) -> str:
    """The same on an open connection; with `any_answer` every status but 503 counts. OSError if it breaks.

    The import of http.client takes longer than a whole look.
    """
    connection.settimeout(deadline.left())
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode())
    status, problem = _status(connection, deadline)
    if any_answer and not problem and status != 503:
        return ""
    if problem:
        return f"{path}: {problem}"
    return "" if 200 <= status < 400 else f"{path} answers {status}"


def tcp(host: str, port: int, deadline: Deadline, hang_up: float = 0, verify: Verify = lambda _: None) -> str:
    """Why the port does not accept a connection; with `hang_up` also why it does not keep it that many seconds."""
    try:
        with socket.socket() as connection:
            connection.settimeout(deadline.left())
            connection.connect((host, port))
            verify(connection)
            return held(connection, port, hang_up) if hang_up else ""
    except TimeoutError:
        return f"no answer within {deadline.seconds:g} s"
    except OSError as problem:
        return str(problem)


def held(connection: socket.socket, port: int, hang_up: float) -> str:
    """Why no process in the container accepted the connection; empty if it is still open after `hang_up` seconds.

    Docker's proxy accepts for a container that does not listen yet, and closes the connection a moment later.
    """
    connection.settimeout(hang_up)
    try:
        return "" if connection.recv(1) else f"nothing listens on {port} in its container yet"
    except TimeoutError:
        return ""


def _status(connection: socket.socket, deadline: Deadline) -> tuple[int, str]:
    """The final status when its headers are complete, or what is wrong with them. Interim answers (1xx) are skipped."""
    received = b""
    while True:
        head, end, rest = received.partition(b"\n\r\n" if b"\r\n" in received else b"\n\n")
        if end and head[9:10] == b"1":
            received = rest
            continue
        words = head.split(b"\n", 1)[0].split()
        complete = b"\n" in received or len(received) > LARGEST_LINE
        if complete and not (len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit()):
            return 0, "the answer is not HTTP"
        if end:
            return int(words[1]), ""
        if len(received) > LARGEST_HEAD:
            return 0, f"its headers have more than {LARGEST_HEAD} bytes"
        connection.settimeout(deadline.left())
        block = connection.recv(4096)
        if not block:
            return _ended(received)
        received += block


def _ended(received: bytes) -> tuple[int, str]:
    """The same for an answer that was closed before the empty line that ends its headers."""
    words = received.split(b"\n", 1)[0].split()
    if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit():
        return int(words[1]), ""
    return 0, "the answer is not HTTP" if received else "the connection was closed without an answer"
