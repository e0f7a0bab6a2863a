"""What a Docker engine answers: its HTTP API over its unix socket, by the standard library alone."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from facts.value import dataclass

if TYPE_CHECKING:
    import http.client

TIMEOUT = 10.0
"""Seconds the engine has for an answer that needs no work."""


class EngineError(Exception):
    """The engine refused; `status` is HTTP's, the text its own message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class EngineGone(EngineError):
    """The engine does not answer, or not completely; `cause` is the system's own error."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(0, f"invalid answer: {cause!r}" if not isinstance(cause, OSError) else str(cause))
        self.cause = cause


@dataclass(frozen=True)
class Engine:
    """One engine. Every call raises EngineGone if it does not answer and EngineError if it refuses."""

    host: str
    """`unix:///var/run/docker.sock`."""

    def get(self, path: str, /, timeout: float = TIMEOUT, **query: Any) -> Any:
        """The JSON value of a GET; values of `query` that are not text are sent as JSON."""
        return self._json("GET", path, query, timeout)

    def post(self, path: str, /, timeout: float = TIMEOUT, body: Any = None, **query: Any) -> Any:
        """The JSON value of a POST, None for an empty answer."""
        return self._json("POST", path, query, timeout, body)

    def delete(self, path: str, /, timeout: float = TIMEOUT, **query: Any) -> Any:
        """The JSON value of a DELETE, None for an empty answer."""
        return self._json("DELETE", path, query, timeout)

    def exists(self, path: str, /, timeout: float = TIMEOUT, **query: Any) -> bool:
        """Whether a HEAD finds something."""
        try:
            with self._asked("HEAD", path, query, timeout, None):
                return True
        except EngineError as problem:
            if problem.status == 404:
                return False
            raise

    @contextmanager
    def stream(
        self, path: str, /, timeout: float | None = None, method: str = "GET", body: Any = None, **query: Any
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer that is read as it comes; `timeout` is that of its header, and then that between two bytes."""
        with self._asked(method, path, query, timeout, body) as answer:
            yield answer

    def log(self, container: str, timeout: float = TIMEOUT, **query: str) -> bytes:
        """What a container said, each line with its time; `query` may have `since` (Unix time) and `tail` (lines)."""
        tty = self.get(f"/containers/{container}/json", timeout)["Config"]["Tty"]
        wanted = {"stdout": "1", "stderr": "1", "timestamps": "1", **query}
        with self.stream(f"/containers/{container}/logs", timeout, **wanted) as answer:
            raw = answer.read()
        return raw if tty else unframed(raw)

    def _json(self, method: str, path: str, query: dict[str, Any], timeout: float, body: Any = None) -> Any:
        with self._asked(method, path, query, timeout, body, whole=True) as answer:
            text = answer.read()
        try:
            return json.loads(text) if text.strip() else None
        except ValueError:
            return text.decode(errors="replace")

    @contextmanager
    def _asked(
        self, method: str, path: str, query: dict[str, Any], timeout: float | None, body: Any, whole: bool = False
    ) -> Iterator[http.client.HTTPResponse]:
        words = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
        connected = _connected(self.host.removeprefix("unix://"), timeout)
        import http.client  # saves 12 ms of every command on a machine where no engine listens

        connection = http.client.HTTPConnection("docker")
        connection.sock = connected
        headers = {"Host": "docker"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(
                method, path + ("?" + urlencode(words) if words else ""),
                None if body is None else json.dumps(body), headers,
            )  # fmt: skip
            answer = connection.getresponse()
            if answer.status >= 400:
                raise EngineError(answer.status, _message(answer.read()))
            if not whole:
                connected.until = None
                connected.settimeout(timeout)
            yield answer
        except (OSError, http.client.HTTPException) as problem:
            raise EngineGone(problem) from problem
        finally:
            connection.close()


def unframed(raw: bytes) -> bytes:
    """Both streams of a container without a terminal: each block has 8 bytes before it, the last four its length."""
    blocks, at = [], 0
    while at + 8 <= len(raw):
        end = at + 8 + int.from_bytes(raw[at + 4 : at + 8], "big")
        blocks.append(raw[at + 8 : end])
        at = end
    return b"".join(blocks)


class _Limited(socket.socket):
    """A socket whose time limit is for all that is received until then, however slowly it comes."""

    until: float | None = None
    """When it ends, by the monotonic clock; without, each block has the limit of the socket."""

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        if self.until is not None:
            left = self.until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self.settimeout(left)
        return super().recv_into(buffer, nbytes, flags)


def _connected(path: str, timeout: float | None) -> _Limited:
    """A socket on which the engine listens; EngineGone if it does not."""
    connected = _Limited(socket.AF_UNIX, socket.SOCK_STREAM)
    connected.until = None if timeout is None else time.monotonic() + timeout
    try:
        connected.settimeout(timeout)
        connected.connect(path)
    except OSError as problem:
        connected.close()
        raise EngineGone(problem) from problem
    return connected


def _message(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        return raw.decode(errors="replace").strip()
