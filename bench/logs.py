"""Bench (f): lines lost under `./dev logs -f` in a burst, and the shim's CPU milliseconds per MB of output.

`python bench/logs.py [BASE]`: a component writes 500,000 lines as fast as it can. With BASE, another checkout of the
tool, both are run in turn. Only lost lines and CPU are compared: the machine may have other work.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import TOOL, wait_for

LINES = 500_000
ROUNDS = 3
STATE = """schema = 1
[project]
name = "burst"
[services.burst]
kind = "command"
dev = "exec python3 burst.py"
"""
TEXT = "line %d of a burst that says how it is with a request of an ordinary length, status=200\n"
PROGRAM = f"""import os, signal, sys, time
while not os.path.exists("go"):
    time.sleep(0.02)
for at in range(0, {LINES}, 1000):
    sys.stdout.write("".join({TEXT!r} % n for n in range(at, at + 1000)))
print("burst over", flush=True)
signal.pause()
"""
MEGABYTES = sum(len(TEXT % n) for n in range(LINES)) / 1e6


@dataclass
class Result:
    """Of each round: lines that the follower did not show, and CPU of the shim."""

    lost: list[int] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def one(tool: Path) -> tuple[int, float]:
    """Lines lost, and CPU milliseconds of the shim per MB of output."""
    with tempfile.TemporaryDirectory(prefix="dev-bench-") as place:
        checkout = Path(place)
        (checkout / "desired_state.toml").write_text(STATE)
        (checkout / "burst.py").write_text(PROGRAM)
        dev = [str(tool / "dev"), "-C", place]
        env = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock", "DEV_TRUST": "1"}
        subprocess.run([*dev, "start"], check=True, capture_output=True, env=env)
        shown = checkout / "shown"
        try:
            with shown.open("wb") as out:
                follower = subprocess.Popen([*dev, "logs", "-f", "burst"], stdout=out, env=env)
            time.sleep(2)  # it has begun to follow; nothing tells so
            shim = shim_of(checkout)
            before = ticks(shim)
            (checkout / "go").touch()
            wait_for(lambda: b"burst over" in shown.read_bytes()[-4096:], timeout=300, pause=0.2)
            cpu = (ticks(shim) - before) * 1000
            follower.terminate()
            follower.wait()
            found = sum(1 for row in shown.open("rb") if b" of a burst that says " in row)
        finally:
            subprocess.run([*dev, "clean", "--force"], capture_output=True, env=env)
    return LINES - found, cpu / MEGABYTES


def shim_of(checkout: Path) -> int:
    """Its pid, as it wrote it down."""
    import json

    (state,) = checkout.glob(".dev/instances/*/run/burst/state.json")
    return int(json.loads(state.read_text())["shim"])


def ticks(pid: int) -> float:
    """CPU seconds of a process so far; from the scheduler, as the clock's ticks are too coarse."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def main(argv: list[str]) -> None:
    """Print the table."""
    tools = {"this checkout": TOOL} | ({"base": Path(argv[0]).resolve()} if argv else {})
    results = {name: Result() for name in tools}
    for _ in range(ROUNDS):
        for name, tool in tools.items():
            lost, cpu = one(tool)
            results[name].lost.append(lost)
            results[name].cpu.append(cpu)
            print(f"{name}: {lost} lost, {cpu:.2f} ms/MB", file=sys.stderr)
    own = statistics.median(results["this checkout"].cpu)
    print(f"| {LINES} lines, {MEGABYTES:.0f} MB, {ROUNDS} rounds | lines lost | shim CPU ms per MB | ratio |")
    print("|---|---:|---:|---:|")
    for name, result in results.items():
        cpu = statistics.median(result.cpu)
        print(f"| {name} | {max(result.lost)} | {cpu:.1f} | {cpu / own:.1f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
