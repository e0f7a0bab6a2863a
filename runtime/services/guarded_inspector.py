"""node's inspector for one user: `python -I -S guarded_inspector.py PORT OPTION COMMAND…` runs a command, serves PORT.

node lets every local user in who knows the path of its websocket, and tells the path to every client that asks. Here
node listens on a port of its own choice and, by OPTION, writes its path to this process alone. This process answers
`/json` on PORT and forwards connections to node, for connections of this user. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))

from facts import peers

HOST = "127.0.0.1"
ANNOUNCED = re.compile(rb"ws://[^/\s]+:(\d+)/([0-9a-f-]{36})")
"""What a node process writes when its inspector begins to listen."""
LARGEST = 65536
"""The most bytes of a request's head."""
HEAD_TIMEOUT = 10.0
"""Seconds for it."""
LOCAL = re.compile(rb"\r\nhost:[ \t]*(127\.0\.0\.1|localhost|\[::1\])(:\d+)?[ \t]*\r\n", re.IGNORECASE)
"""Another name in a request comes from a web page that had its name changed to this address."""


class Inspector:
    """The inspector of the last process that announced one, and who is let in."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.inner, self.path = 0, ""
        self.listener: socket.socket | None = None

    def announced(self, line: bytes) -> bytes:
        """The line as it is logged: an announcement begins the service on PORT, and loses its path."""
        found = ANNOUNCED.search(line)
        if not found:
            return line
        self.inner, self.path = int(found[1]), found[2].decode()
        if self.listener is None:
            try:
                self.listener = socket.create_server((HOST, self.port))
            except OSError as problem:
                return b"port %d for the debugger: %s\n" % (self.port, str(problem).encode())
            threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()
        return ANNOUNCED.sub(b"ws://%s:%d" % (HOST.encode(), self.port), line)

    def serve(self, listener: socket.socket) -> None:
        """Every connection of this user gets a thread; another one is closed unread."""
        while True:
            connection, _ = listener.accept()
            if ours(connection):
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()
            else:
                connection.close()

    def answer(self, connection: socket.socket) -> None:
        """Answer one request for `/json`, or forward the connection to node."""
        with connection, contextlib.suppress(OSError):
            connection.settimeout(HEAD_TIMEOUT)
            head = b""
            while b"\r\n\r\n" not in head and len(head) < LARGEST:
                block = connection.recv(4096)
                if not block:
                    return
                head += block
            if not LOCAL.search(head):
                return
            path = head.split(b" ", 2)[1].split(b"?")[0].rstrip(b"/")
            if path in (b"/json", b"/json/list", b"/json/version"):
                connection.sendall(self.document(path))
            else:
                self.forward(connection, head)

    def document(self, path: bytes) -> bytes:
        """What node itself would answer, with the address of this process."""
        address = f"{HOST}:{self.port}/{self.path}"
        body: Any = {"Browser": "node.js", "Protocol-Version": "1.1"}
        if path != b"/json/version":
            devtools = "devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws="
            target = {"description": "node.js instance", "devtoolsFrontendUrl": devtools + address, "id": self.path}
            target |= {"title": "node", "type": "node", "url": "file://", "webSocketDebuggerUrl": f"ws://{address}"}
            body = [target]
        text = json.dumps(body).encode()
        head = b"HTTP/1.0 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nCache-Control: no-cache\r\n"
        return head + b"Content-Length: %d\r\n\r\n%s" % (len(text), text)

    def forward(self, connection: socket.socket, head: bytes) -> None:
        """Join it to node; a process of another user that has taken node's port gets nothing."""
        with socket.create_connection((HOST, self.inner), timeout=HEAD_TIMEOUT) as node:
            if not ours(node):
                return
            node.sendall(head)
            for each in (connection, node):
                each.settimeout(None)
            back = threading.Thread(target=pour, args=(node, connection), daemon=True)
            back.start()
            pour(connection, node)
            back.join()


def ours(connection: socket.socket) -> bool:
    """Whether a process of this user is at the other end; on macOS it cannot be told."""
    return not peers.LINUX or peers.uid_of_peer(connection) == os.geteuid()


def pour(source: socket.socket, target: socket.socket) -> None:
    """Everything that comes, until one end closes; then no more can come."""
    with contextlib.suppress(OSError):
        while block := source.recv(LARGEST):
            target.sendall(block)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def main() -> int:
    """Run the command until it ends, with its exit code; a signal to the process group reaches it as well."""
    inspector = Inspector(int(sys.argv[1]))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    env = os.environ | {"NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} {sys.argv[2]}".strip()}
    with subprocess.Popen(sys.argv[3:], stderr=subprocess.PIPE, env=env) as child:
        assert child.stderr
        for line in child.stderr:
            sys.stderr.buffer.write(inspector.announced(line))
            sys.stderr.buffer.flush()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main())
