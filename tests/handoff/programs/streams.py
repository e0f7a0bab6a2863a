"""Listens to /events and talks over /socket until both end: `python streams.py HOST:PORT SECONDS`.

Says `both answer` when they do, and at the end JSON. For each: how often somebody was heard, by whom, when the last
time was (Unix time), and the longest silence.
"""

import http.client
import json
import os
import sys
import threading
import time


def note(found, who):
    now = time.time()
    found["heard"] += 1
    if found["heard"] == 1:
        found["last"] = now
        answering.release()
    found["who"][who] = found["who"].get(who, 0) + 1
    found["silence"] = max(found["silence"], now - found["last"])
    found["last"] = now


def events(host, port, until, found):
    asking = http.client.HTTPConnection(host, port, timeout=10)
    asking.request("GET", "/events")
    answer = asking.getresponse()
    while time.time() < until:
        line = answer.readline()
        if not line:
            found["end"] = "closed"
            return
        if line.startswith(b"data: "):
            note(found, line.split()[1].decode())


def talk(host, port, until, found):
    asking = http.client.HTTPConnection(host, port, timeout=10)
    headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    asking.request("GET", "/socket", headers=headers | {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="})
    connection = asking.sock
    stream = connection.makefile("rb")
    status = stream.readline()
    assert b" 101 " in status, status
    head = b"".join(iter(stream.readline, b"\r\n"))
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head
    number = 0
    while time.time() < until:
        number += 1
        said, mask = str(number).encode(), os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(said))
        connection.sendall(bytes([0x81, 0x80 | len(said)]) + mask + masked)
        begin = stream.read(2)
        if len(begin) < 2:
            found["end"] = "closed"
            return
        who, _, again = stream.read(begin[1] & 127).decode().partition(" ")
        assert begin[0] == 0x81 and again == str(number), (begin, again)
        note(found, who)
        time.sleep(0.1)


def kept(what, host, port, until, found):
    try:
        what(host, port, until, found)
    except (OSError, http.client.HTTPException) as problem:
        found["end"] = f"{type(problem).__name__}: {problem}"


host, _, port = sys.argv[1].partition(":")
until = time.time() + float(sys.argv[2])
told = {
    name: {"heard": 0, "who": {}, "last": time.time(), "silence": 0.0, "end": "", "began": time.time()}
    for name in ("events", "socket")
}
answering = threading.Semaphore(0)
threads = [
    threading.Thread(target=kept, args=(what, host, int(port), until, told[name]))
    for name, what in (("events", events), ("socket", talk))
]
for thread in threads:
    thread.start()
if all(answering.acquire(timeout=10) for _ in threads):
    print("both answer", flush=True)
for thread in threads:
    thread.join()
print(json.dumps(told))
