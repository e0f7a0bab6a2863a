"""debugpy for one user: `python guarded_debugpy.py ARGUMENTS` is `python -m debugpy ARGUMENTS`, but every port that it
and its adapter open takes connections of this user alone: they let a client run code in the service.

It runs in the service's own Python and has a copy of nothing: it changes what debugpy makes its sockets by, and starts
the adapter, which is a process of its own, through this file again. If a debugpy does not work in that way, it fails.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import runpy
import socket
import subprocess
import sys
from typing import Any

HERE = os.path.realpath(__file__)
PEERS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "facts", "peers.py")
ADAPTER = "--adapter"
"""First argument where this file runs the adapter; the others are those of debugpy's own adapter."""
LINGER = 5.0
"""Seconds that a connection stays open after its last byte, so that the other end can ask whose it is."""


def load_peers() -> Any:
    """`facts/peers.py`, without a change of the service's module path."""
    spec = importlib.util.spec_from_file_location("_dev_peers", PEERS)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Guarded(socket.socket):
    """A listening socket that closes every connection of another user unread."""

    peers: Any = None
    ready = True
    """Whether the adapter was started through this file."""

    def accept(self) -> Any:
        """The next connection of this user."""
        while True:
            connection, address = super().accept()
            if not Guarded.ready:
                raise RuntimeError("this debugpy starts its adapter in a way that ./dev does not know")
            if not self.peers.LINUX or self.peers.uid_of_peer(connection) == os.geteuid():
                return connection, address
            connection.close()


class Lingering(socket.socket):
    """A connection that stays until the other end has closed it too: a closed one has no user."""

    def shutdown(self, how: int) -> None:
        """Send the end, and wait for the other one."""
        super().shutdown(socket.SHUT_WR)
        self.settimeout(LINGER)
        while self.recv(4096):
            pass


def guard() -> None:
    """Have debugpy make guarded sockets, in this process."""
    sockets: Any = importlib.import_module("debugpy.common.sockets")
    make_server, make_client = sockets.create_server, sockets.create_client
    Guarded.peers = load_peers()

    def create_server(*args: Any, **named: Any) -> Guarded:
        made = make_server(*args, **named)
        timeout = made.gettimeout()
        found = Guarded(made.family, made.type, made.proto, fileno=made.detach())
        found.settimeout(timeout)
        return found

    def create_client(*args: Any, **named: Any) -> Lingering:
        made = make_client(*args, **named)
        return Lingering(made.family, made.type, made.proto, fileno=made.detach())

    sockets.create_server, sockets.create_client = create_server, create_client


def run_service(arguments: list[str]) -> None:
    """The service under debugpy, whose command line this is."""
    if sys.path and os.path.realpath(sys.path[0]) == os.path.dirname(HERE):
        sys.path[0] = os.getcwd()  # as for `python -m`
    guard()
    directory = os.path.dirname(importlib.import_module("debugpy.adapter").__file__ or "")
    original: Any = subprocess.Popen

    class Adapter(original):  # type: ignore[misc]
        """Starts the adapter through this file; any other process as it is asked."""

        def __init__(self, args: Any, *more: Any, **named: Any) -> None:
            if isinstance(args, list) and args[1:2] == [directory]:
                subprocess.Popen = original  # type: ignore[misc]
                Guarded.ready = True
                args = [args[0], HERE, ADAPTER, *args[1:]]
            super().__init__(args, *more, **named)

    Guarded.ready = False
    subprocess.Popen = Adapter  # type: ignore[misc]
    sys.argv = [os.path.join(os.path.dirname(directory), "__main__.py"), *arguments]
    importlib.import_module("debugpy.server.cli").main()


def run_adapter(directory: str, arguments: list[str]) -> None:
    """debugpy's adapter, of the debugpy that the service has."""
    sys.path[0] = os.path.dirname(os.path.dirname(directory))
    guard()
    del sys.path[0]
    sys.argv = [directory, *arguments]
    runpy.run_path(directory, run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1:2] == [ADAPTER]:
        run_adapter(sys.argv[2], sys.argv[3:])
    else:
        run_service(sys.argv[1:])
