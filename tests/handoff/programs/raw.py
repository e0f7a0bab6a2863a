"""A server that speaks no HTTP: `who\n` and `echo TEXT\n` are answered by a line, other lines by nothing at all."""

import os
import socketserver


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            word, _, rest = line.decode(errors="replace").rstrip("\n").partition(" ")
            if word in ("who", "echo"):
                self.wfile.write(f"{os.environ.get('WHO', '?')} {rest}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Handler).serve_forever()
