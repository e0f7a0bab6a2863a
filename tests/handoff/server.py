"""Says who answers: box or host; POST /work?ms=N takes that long, /events and /socket go on until they are cut."""

import base64
import hashlib
import http.server
import os
import time
import urllib.parse

WHO = os.environ.get("WHO", "?")
BEAT = 0.1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        if "ms" in query and "SIGN" in os.environ:
            open(os.environ["SIGN"], "w").close()
        time.sleep(int(query.get("ms", ["0"])[0]) / 1000)
        text = f"{WHO} {body.decode()}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = answer

    def do_GET(self):
        if self.path == "/events":
            self.events()
        elif self.path == "/socket":
            self.socket()
        else:
            self.answer()

    def events(self):
        """Server-sent events, one every BEAT seconds."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        number = 0
        while True:
            text = f"data: {WHO} {number}\n\n".encode()
            self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
            self.wfile.flush()
            number += 1
            time.sleep(BEAT)

    def socket(self):
        """A WebSocket (RFC 6455) whose short text frames are answered with who has them."""
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while head := self.rfile.read(2):
            mask, body = self.rfile.read(4), self.rfile.read(head[1] & 127)
            said = bytes(byte ^ mask[at % 4] for at, byte in enumerate(body))
            text = f"{WHO} {said.decode()}".encode()
            self.wfile.write(bytes([0x81, len(text)]) + text)
            self.wfile.flush()

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True

    def handle_error(self, *words):
        """A stream ends as its caller goes."""


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
