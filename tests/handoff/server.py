"""Says who answers: box or host; POST /work?ms=N takes that long."""

import http.server
import os
import time
import urllib.parse

WHO = os.environ.get("WHO", "?")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        time.sleep(int(query.get("ms", ["0"])[0]) / 1000)
        text = f"{WHO} {body.decode()}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


def bound(address):
    """At once, or with RETRY as soon as whoever has the port lets it go, as a process that is run again and again."""
    while True:
        try:
            return Server(address, Handler)
        except OSError:
            if "RETRY" not in os.environ:
                raise
            time.sleep(0.002)


bound((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"]))).serve_forever()
