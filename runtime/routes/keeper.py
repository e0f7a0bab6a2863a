"""Runs the edge where other people use the machine, and keeps its ports while the edge starts again. `keeper.py SPEC`.

The edge is a child process. It hands each listener to this process, which gives all of them to the next edge: a crash
leaves no moment in which another user can listen on a port of ours. Linux; standard library only.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Mapping

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))

from runtime.routes import edge

FIRST, LAST, STABLE = 0.05, 10.0, 1.0
"""Seconds between the end of an edge and the next one: twice as many each time, until one ran for STABLE seconds."""


def main(spec: str) -> None:
    """Start the edge again whenever it ends."""
    numbers = json.loads(os.environ.pop(edge.KEPT, "{}")).get("sockets", {})
    kept = {key: socket.socket(fileno=number) for key, number in numbers.items()}
    program, pause = edge.source(), FIRST
    while True:
        began = time.monotonic()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if not pid:
            ours.close()
            os.environ[edge.KEPT] = document(kept)
            child = edge.Edge(spec, theirs)
            child.program = program  # that is loaded; the files may have changed since
            child.run()
        theirs.close()
        with ours:
            keep(ours, kept)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == edge.RENEW:
            for listener in kept.values():
                listener.set_inheritable(True)
            os.execve(sys.executable, sys.orig_argv, {**os.environ, edge.KEPT: document(kept)})
        pause = FIRST if time.monotonic() > began + STABLE else min(2 * pause, LAST)
        time.sleep(pause)


def document(kept: Mapping[str, socket.socket]) -> str:
    """The listeners as `adopt` of the edge takes them."""
    return json.dumps({"sockets": {key: listener.fileno() for key, listener in kept.items()}})


def keep(connection: socket.socket, kept: dict[str, socket.socket]) -> None:
    """Take and release listeners as the edge says, until it ends."""
    while True:
        try:
            message, files, _, _ = socket.recv_fds(connection, 1024, 1)
        except ConnectionResetError:
            return
        if not message:
            return
        name = message.decode()
        if name in kept:
            kept.pop(name).close()
        if files:
            kept[name] = socket.socket(fileno=files[0])
        connection.send(b"done")


if __name__ == "__main__":
    main(sys.argv[1])
