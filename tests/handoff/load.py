"""Strict clients: every request counts, none is sent twice. `python load.py SECONDS FILE PAUSE NAME=HOST:PORT…`; then
JSON.

They end when the file appears or the time is over, and rest PAUSE seconds after each answer. Each target gets one
client that keeps its connection and one that opens a new one for each request, both POST.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from typing import Any


def client(host: str, port: int, fresh: bool, until: float, over: str, pause: float, found: dict[str, Any]) -> None:
    """Ask until the time is over and note every answer that was not the right one."""
    connection: http.client.HTTPConnection | None = None
    number, last = 0, time.monotonic()
    times, who, failures, gap = [], {}, [], 0.0  # type: ignore[var-annotated]
    while time.monotonic() < until and not os.path.exists(over):
        number += 1
        began = time.monotonic()
        try:
            if connection is None:
                connection = http.client.HTTPConnection(host, port, timeout=40)
            connection.request("POST", "/work", body=str(number))
            answer = connection.getresponse()
            text = answer.read().decode()
            name, _, said = text.partition(" ")
            if answer.status != 200 or said != str(number):
                raise OSError(f"{answer.status} {text[:100]}")
            who[name] = who.get(name, 0) + 1
        except (OSError, http.client.HTTPException) as problem:
            failures.append((round(time.time(), 3), f"{type(problem).__name__}: {problem}"[:160]))
            if connection:
                connection.close()
            connection = None
        else:
            now = time.monotonic()
            times.append(now - began)
            gap, last = max(gap, now - last), now
            if fresh:
                connection.close()
                connection = None
        time.sleep(pause)
    times.sort()
    found |= {
        "requests": number, "failed": len(failures),
        "refused": sum("Refused" in why for _, why in failures), "failures": failures[:20], "who": who,
        "gap_ms": round(gap * 1e3, 1),
        "p50_us": round(times[len(times) // 2] * 1e6) if times else None,
        "p99_us": round(times[len(times) * 99 // 100] * 1e6) if times else None,
    }  # fmt: skip


def main(argv: list[str]) -> int:
    """All targets side by side."""
    until = time.monotonic() + float(argv[0])
    found: dict[str, dict[str, Any]] = {}
    threads = []
    for word in argv[3:]:
        name, _, address = word.partition("=")
        host, _, port = address.partition(":")
        for kind in ("kept", "fresh"):
            mine = found.setdefault(f"{name} {kind}", {})
            threads.append(
                threading.Thread(
                    target=client, args=(host, int(port), kind == "fresh", until, argv[1], float(argv[2]), mine)
                )
            )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
