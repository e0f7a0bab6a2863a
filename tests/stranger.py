"""Another user of this machine, as a real process of its own; only root can start one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

UID = 54321
"""A user without an account: the kernel asks for the number alone."""
BECOME = "import os, socket, sys, time\nos.setgroups([]); os.setresgid(*3 * [%d]); os.setresuid(*3 * [%d])\n"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


class Program:
    """Python code that another user runs; it talks through its standard input and output."""

    def __init__(self, code: str, *argv: object, uid: int = UID) -> None:
        become = BECOME % (uid, uid)  # after the imports: the interpreter may be in a place that is root's alone
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", become + code, *map(str, argv)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
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
    print(word, flush=True)
"""


@contextmanager
def listening(host: str = "127.0.0.1", port: int = 0, uid: int = UID) -> Iterator[tuple[Program, int]]:
    """A program of another user that listens there, and its port. It does what it is told: accept, close, leave."""
    program = Program(LISTEN, host, port, uid=uid)
    try:
        yield program, int(program.hear())
    finally:
        program.end()


def connected(host: str, port: int) -> socket.socket:
    """A connection to that address."""
    return socket.create_connection((host, port), timeout=5)
