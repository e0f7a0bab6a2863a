"""A TCP way to a server that can be shut (refuses, drops) or jammed (takes connections, says nothing)."""

from __future__ import annotations

import contextlib
import socket
import threading


class Door:
    """Listens on a port of its own and passes on to the server."""

    def __init__(self, host: str, port: int) -> None:
        self._target, self._listener = (host, port), socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._jammed = False
        self._listen()

    def shut(self) -> None:
        """From now on nobody answers, and who was connected no longer is."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def reopen(self) -> None:
        self._jammed = False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def jam(self) -> None:
        self.shut()
        self.reopen()
        self._jammed = True

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self._open.append(near)
            if self._jammed:
                continue
            far = socket.create_connection(self._target)
            self._open.append(far)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)
