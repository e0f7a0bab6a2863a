"""Two services that call each other with a shared secret, each taking it and its previous one. `python callers.py`.

GET /call asks the other one, again and again while it refuses connections, and answers what it answered: a refused
secret is not asked twice. GET /guarded answers 200 to the right secret, else 401. GET /readyz answers 200.
"""

from __future__ import annotations

import hmac
import http.server
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

ACCEPTED = [value for name in ("CALL_TOKEN", "CALL_TOKEN_PREVIOUS") if (value := os.environ.get(name))]


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(self._call() if self.path == "/call" else self._answer())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self) -> int:
        if self.path != "/guarded":
            return 200
        given = self.headers.get("X-Service-Token", "")
        return 200 if any(hmac.compare_digest(given, one) for one in ACCEPTED) else 401

    def _call(self) -> int:
        request = urllib.request.Request(
            os.environ["PEER_URL"] + "/guarded", headers={"X-Service-Token": os.environ["CALL_TOKEN"]}
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as refusal:
                return refusal.code
            except OSError:  # it is being restarted
                time.sleep(0.02)
        return 504

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    server = http.server.ThreadingHTTPServer((os.environ.get("BIND", "127.0.0.1"), int(os.environ["PORT"])), Service)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.daemon_threads = False
    server.serve_forever()
    server.server_close()  # waits for the calls under way
    sys.exit(0)


if __name__ == "__main__":
    main()
