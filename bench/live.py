"""Bench (c): from the save of a file to the first answer that shows it, per kind of service.

`python bench/live.py [EDITS]`: edits a copy of the platform in a directory of its own, never this checkout.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import TOOL, percentile, wait_for

EDITS = {
    "Python (uvicorn)": ("catalog", 18081, "catalog/app.py", '{"status": "ok"}', '{"status": "v%d"}', "/healthz"),
    "Go (Air)": ("orders", 18082, "routes.go", '"status": "ok"', '"status": "v%d"', "/healthz"),
    "Next.js (its dev server)": ("web", 18080, "app/page.tsx", "<h1>Shop</h1>", "<h1>v%d</h1>", "/"),
}  # fmt: skip
SHIFT = 3000
"""Added to every declared port, so that a platform of this checkout may go on running."""


def shows(port: int, path: str, text: str) -> bool:
    """Whether the answer has the text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return text in connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(edits: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "shop"
        listed = subprocess.run(["git", "-C", str(TOOL), "ls-files", "-z"], capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOOL / name, copy / name)
        ports = {"postgres": 15432, "pubsub": 18085, "catalog": 18081, "orders": 18082, "notifier": 18083, "web": 18080}
        ports["issuer"] = 18084
        rows = [
            f"[{'infra' if name in ('postgres', 'pubsub') else 'services'}.{name}]\nport = {port + SHIFT}\n"
            for name, port in ports.items()
        ]
        (copy / "desired_state.local.toml").write_text("".join(rows))
        dev = [str(TOOL / "dev"), "--trust", "-C", str(copy)]
        subprocess.run([*dev, "start"], check=True)
        try:
            print(f"| kind ({edits} edits) | p50 ms | p95 ms | floor: what it consists of |\n|---|---:|---:|---|")
            for kind, (name, port, file, old, new, path) in EDITS.items():
                source = copy / "services" / name / file
                text = source.read_text()
                assert old in text
                wait_for(lambda port=port, path=path: shows(port + SHIFT, path, ""))  # type: ignore[misc]
                times = []
                for number in range(edits + 1):
                    source.write_text(text.replace(old, new % number))
                    marker = f"v{number}"
                    times.append(wait_for(lambda m=marker, p=port, at=path: shows(p + SHIFT, at, m)))  # type: ignore[misc]
                    time.sleep(0.7)
                ms = [value * 1000 for value in times[1:]]
                print(f"| {kind} | {percentile(ms, 0.5):.0f} | {percentile(ms, 0.95):.0f} | |", flush=True)
        finally:
            subprocess.run([*dev, "clean", "--force"], check=True, env={**os.environ})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
