"""Another user of this machine, as a real process of its own; only root can start one."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import pytest

UID = 54321
"""A user without an account: the kernel asks for the number alone."""
BECOME = "import os, socket, sys, time\nos.setgroups([]); os.setresgid(*3 * [%d]); os.setresuid(*3 * [%d])\n"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


class Program:
    """Python code that another user runs; it talks through its standard input and output."""

    def __init__(self, code: str, *argv: object, uid: int = UID, env: Mapping[str, str] = {}) -> None:
        become = BECOME % (uid, uid)  # after the imports: the interpreter may be in a place that is root's alone
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", become + code, *map(str, argv)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, **env},
        )  # fmt: skip

    def hear(self) -> str:
        """Its next line."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def say(self, word: str = "") -> str:
        """Its answer to a line."""
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hear()

    def runs(self) -> bool:
        """Whether it has more to do: it has said nothing that was not heard yet."""
        return not select.select([self.process.stdout], [], [], 0)[0]

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.communicate()


LISTEN = """
listener = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen()
print(listener.getsockname()[1], flush=True)
for word in sys.stdin:
    word = word.strip()
    if word == "accept":
        accepted, _ = listener.accept()
    elif word == "close":
        accepted.close()
    elif word == "leave":
        listener.close()
    elif word == "hear":
        accepted.settimeout(5)
        word = len(accepted.recv(65536))
    print(word, flush=True)
"""


@contextmanager
def listening(
    host: str = "127.0.0.1", port: int = 0, uid: int = UID, env: Mapping[str, str] = {}
) -> Iterator[tuple[Program, int]]:
    """A program of another user that listens there, and its port; it is told to accept, hear, close or leave."""
    program = Program(LISTEN, host, port, uid=uid, env=env)
    try:
        yield program, int(program.hear())
    finally:
        program.end()


GREEDY = """
address, least, tried, bound, heard = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3]), 0, 0, b""
print("begun", flush=True)
while tried < least or (bound < int(sys.argv[4]) and tried < 50 * least):
    tried += 1
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.settimeout(0.004)
    try:
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        time.sleep(0.0002)
        continue
    bound += 1
    try:
        for _ in range(3):
            accepted, _ = listener.accept()
            accepted.settimeout(0.05)
            try:
                heard += accepted.recv(65536)
                accepted.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 8\\r\\n\\r\\nstranger")
            finally:
                accepted.close()
    except OSError:
        pass
    listener.close()
print(tried, bound, heard.hex() or "-", flush=True)
"""
"""Tries at least so often to listen on an address that is ours, and until it has had it so often, or has tried 50 times
as often; it answers each caller, and says what it was sent."""


class Spoils(NamedTuple):
    """What a greedy program did and got."""

    tried: int
    bound: int
    heard: bytes
    """Every byte that it was sent."""


def greedy(host: str, port: int, attempts: int, bound: int = 20) -> Program:
    """That program, which has begun. `spoils` gives what it got."""
    program = Program(GREEDY, host, port, attempts, bound)
    assert program.hear() == "begun"
    return program


def spoils(program: Program) -> Spoils:
    """The same when it has ended; printed, too."""
    words = program.hear().split()
    program.end()
    print(f"a stranger tried {words[0]} times to take an address, and had it {words[1]} times")
    return Spoils(int(words[0]), int(words[1]), b"" if words[2] == "-" else bytes.fromhex(words[2]))


def connected(host: str, port: int) -> socket.socket:
    """A connection to that address."""
    return socket.create_connection((host, port), timeout=5)
