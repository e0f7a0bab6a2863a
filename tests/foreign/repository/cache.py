"""An infra component: a tiny key-value server. `SET key value` and `GET key`, one line each, kept in a directory."""

import pathlib
import socketserver
import sys

KEPT = pathlib.Path(sys.argv[2])
KEPT.mkdir(parents=True, exist_ok=True)


class Line(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            verb, key, *rest = line.decode().split()
            path = KEPT / key
            if verb == "SET":
                path.write_text(rest[0])
            self.wfile.write((path.read_text() if path.exists() else "nil").encode() + b"\n")


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Line).serve_forever()
