"""Strict clients on httpx: `python load_httpx.py SECONDS FILE NAME=HOST:PORT…`, then JSON as load.py prints it.

httpx opens a connection again (`retries`) only where it is told to, and here it is not.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import httpx

PAUSE = 0.02


def client(host: str, port: int, kept: int, until: float, over: str, found: dict[str, Any]) -> None:
    """Ask until the time is over; `kept` is how many connections may be used again."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=kept)
    with httpx.Client(timeout=40, trust_env=False, verify=False, limits=limits) as asking:
        times: list[float] = []
        who: dict[str, int] = {}
        failures: list[str] = []
        number, failed, refused, gap, last = 0, 0, 0, 0.0, time.monotonic()
        while time.monotonic() < until and not os.path.exists(over):
            number += 1
            began = time.monotonic()
            try:
                answer = asking.post(f"http://{host}:{port}/work", content=str(number))
                name, _, said = answer.text.partition(" ")
                if answer.status_code != 200 or said != str(number):
                    raise httpx.HTTPError(f"{answer.status_code} {answer.text[:100]}")
                who[name] = who.get(name, 0) + 1
            except httpx.HTTPError as problem:
                failed += 1
                refused += "refused" in str(problem)
                failures.append(f"{time.time():.3f} {type(problem).__name__}: {problem}"[:160])
            else:
                now = time.monotonic()
                times.append(now - began)
                gap, last = max(gap, now - last), now
            time.sleep(PAUSE)
    times.sort()
    found |= {
        "requests": number, "failed": failed, "refused": refused, "failures": failures[:20], "who": who,
        "gap_ms": round(gap * 1e3, 1),
        "p50_us": round(times[len(times) // 2] * 1e6) if times else None,
        "p99_us": round(times[len(times) * 99 // 100] * 1e6) if times else None,
    }  # fmt: skip


def main(argv: list[str]) -> int:
    """All targets side by side."""
    until = time.monotonic() + float(argv[0])
    found: dict[str, dict[str, Any]] = {}
    threads = []
    for word in argv[2:]:
        name, _, address = word.partition("=")
        host, _, port = address.partition(":")
        for kind, kept in (("kept", 1), ("fresh", 0)):
            mine = found.setdefault(f"{name} {kind}", {})
            threads.append(threading.Thread(target=client, args=(host, int(port), kept, until, argv[1], mine)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
