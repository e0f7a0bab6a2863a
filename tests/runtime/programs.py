"""Programs for components under test: small servers that behave well or badly. `python programs.py HOW …`."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import time


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{os.environ.get('GREETING', 'hello')} from {os.getpid()}".encode()
        self.send_response(503 if self.path == "/never" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def serve() -> None:
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Quiet).serve_forever()


def main(how: str) -> None:
    print(f"{how} begins", flush=True)
    if how == "crash":
        print("I cannot find my hat", file=sys.stderr)
        sys.exit(3)
    if how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "escape":  # a grandchild in a session of its own, whose parent is gone
        subprocess.Popen(["sh", "-c", "setsid sleep 300 & setsid sleep 301 &"], start_new_session=True)
    if how == "worker":
        while True:
            print("tick", flush=True)
            time.sleep(0.1)
    if how == "seed":
        with open("seeded", "a") as file:
            file.write("x")
        return
    serve()


if __name__ == "__main__":
    main(sys.argv[1])
