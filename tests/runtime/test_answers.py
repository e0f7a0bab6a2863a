"""A look at what answers ends at its deadline, whatever the other side does, and tells well from unwell."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from runtime.health import answers
from runtime.health.answers import Deadline

HOST = "127.0.0.1"
SECONDS = 0.6
SLACK = 20.0
"""Seconds that a loaded machine may add; each of the servers below would keep a look for longer."""
Behaviour = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(behave: Behaviour) -> Iterator[int]:
    """One that reads a request and then does as it likes with the connection, until the test is over."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                behave(connection, over)
            except OSError:
                pass

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(connection,)))
            threads[-1].start()

    with socket.create_server((HOST, 0)) as listener:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def hang_up(connection: socket.socket, over: threading.Event) -> None:
    pass


def drop_by_drop(connection: socket.socket, over: threading.Event) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" * 9:
        if over.wait(0.15):
            return
        connection.sendall(bytes((byte,)))


def endless(chunk: bytes, pause: float = 0.0, first: bytes = b"") -> Behaviour:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.wait(pause):
            connection.sendall(chunk)

    return behave


def says(text: bytes, stay: bool = False) -> Behaviour:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(4096)
        connection.sendall(text)
        if stay:
            over.wait(60)

    return behave


def reset(connection: socket.socket, over: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


HANGS: dict[str, Behaviour] = {
    "accepts and is silent": silent,
    "a byte each moment": drop_by_drop,
    "headers without an end": endless(b"X-More: yes\r\n", 0.02, b"HTTP/1.1 200 OK\r\n"),
    "a flood of headers": endless(b"X-More: yes\r\n" * 500, 0, b"HTTP/1.1 200 OK\r\n"),
    "a status line without an end": endless(b"HTTP/1.1 200 OK and on", 0.02),
    "interim answers without an end": endless(b"HTTP/1.1 102 Processing\r\n\r\n", 0.02),
    "half a status line": says(b"HTTP/1.1 2", stay=True),
    "headers and then silence": says(b"HTTP/1.1 200 OK\r\nA: b\r\n", stay=True),
}


@pytest.mark.parametrize("name", HANGS)
def test_a_look_ends_at_its_deadline(name: str) -> None:
    with server(HANGS[name]) as port:
        began = time.monotonic()
        problem = answers.http(HOST, port, "/healthz", Deadline.after(SECONDS))
        assert problem.startswith("/healthz: "), problem
        assert time.monotonic() - began < SECONDS + SLACK


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
ANSWERS: dict[str, tuple[Behaviour, str]] = {
    "well": (says(OK + b"ok"), ""),
    "a body without an end is not read": (endless(b"x" * 4096, 0, OK), ""),
    "no length, and it stays open": (says(b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", stay=True), ""),
    "line feeds alone": (says(b"HTTP/1.0 200 OK\nServer: x\n\n"), ""),
    "closed after the status line": (says(b"HTTP/1.0 200 OK\r\n"), ""),
    "an interim answer first": (says(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK), ""),
    "a redirect to itself is not followed": (says(b"HTTP/1.1 302 Found\r\nLocation: /healthz\r\n\r\n"), ""),
    "unwell": (says(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), "/healthz answers 503"),
    "unwell after an interim answer": (says(b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 500 No\r\n\r\n"), "/healthz answers 500"),
    "another protocol": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "/healthz: the answer is not HTTP"),
    "a flood of something else": (endless(b"\x16\x03\x01" * 999), "/healthz: the answer is not HTTP"),
    "closed at once": (says(b""), "/healthz: the connection was closed without an answer"),
    "reset": (reset, "/healthz: [Errno 104] Connection reset by peer"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_what_its_status_says(name: str) -> None:
    behave, wanted = ANSWERS[name]
    with server(behave) as port:
        found = answers.http(HOST, port, "/healthz", Deadline.after(30))
    assert found == wanted or ("reset" in name and "reset" in found)


def test_nobody_there_is_told_at_once() -> None:
    with socket.create_server((HOST, 0)) as gone:
        port = gone.getsockname()[1]
    assert "refused" in answers.http(HOST, port, "/", Deadline.after(30)).lower()
    assert "refused" in answers.tcp(HOST, port, Deadline.after(30)).lower()


def test_a_connection_is_enough_where_no_path_is_asked_for() -> None:
    with server(silent) as port:
        assert answers.tcp(HOST, port, Deadline.after(30)) == ""
        assert answers.tcp(HOST, port, Deadline.after(30), hang_up=0.2) == ""
    with server(hang_up) as port:
        assert "nothing listens" in answers.tcp(HOST, port, Deadline.after(30), hang_up=30)


def test_a_deadline_that_is_over_ends_everything() -> None:
    with server(says(OK)) as port:
        assert "timed out" in answers.http(HOST, port, "/", Deadline.after(0))
        assert "no answer" in answers.tcp(HOST, port, Deadline.after(0))
