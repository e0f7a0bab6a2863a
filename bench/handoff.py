"""Bench (e): hand-off under load, beside a target that is never switched and two other ways to switch.

`python bench/handoff.py [TRIPS]`: needs an engine (DOCKER_HOST). Strict clients (POST, no retries; kept and fresh
connections; on the host and in a container) ask all the time. The IDE's process tries to listen all the time, so that
what is measured is the switch and not a person.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.conftest import Checkout
from tests.handoff.platform import Load, Platform

LOAD = Path(__file__).resolve().parent.parent / "tests/handoff/load.py"
PAUSE = 0.018
"""Seconds each of the eight clients rests after an answer: about 375 requests a second in all."""
IMAGE = "python:3.11-slim-bookworm"
FORWARD = """
import socket, sys, threading
def pass_on(a, b):
    try:
        while block := a.recv(65536): b.sendall(block)
    except OSError: pass
    for end in (a, b):
        try: end.shutdown(2)
        except OSError: pass
l = socket.create_server(("0.0.0.0", int(sys.argv[2])), backlog=1024)
while True:
    a, _ = l.accept()
    try: b = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    except OSError: a.close(); continue
    for pair in ((a, b), (b, a)): threading.Thread(target=pass_on, args=pair, daemon=True).start()
"""
FASTEST = """
import http.client, sys, time
c = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2])); t = []
for n in range(1500):
    b = time.perf_counter(); c.request("POST", "/", "x"); c.getresponse().read(); t.append(time.perf_counter() - b)
t.sort(); print(round(t[len(t) // 2] * 1e6))
"""


class Engine:
    """The engine DOCKER_HOST names."""

    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")

    def environment(self) -> dict[str, str]:
        """For the docker client."""
        return {**os.environ, "DOCKER_HOST": self.host}

    def docker(self, *argv: str, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the docker client."""
        return subprocess.run(
            ["docker", *argv], env=self.environment(), capture_output=True, text=True, check=check, timeout=timeout
        )


def main(trips: int) -> None:
    """Print the tables."""
    engine = Engine()
    with tempfile.TemporaryDirectory() as base:
        path, home = Path(base) / "checkout", Path(base) / "home"
        path.mkdir()
        home.mkdir()
        it = Platform(Checkout(path, home, {"DOCKER_HOST": engine.host}), engine, 21481, 21482)
        it.write()
        try:
            it.dev("start", "--docker")
            base_s = statistics.median(seconds(lambda: it.dev("handoff", "--status")) for _ in range(7))
            print("| way | requests | failed | worst gap ms | of the control | switch p50/p95 ms | back p50/p95 ms |")
            print("|---|---:|---:|---:|---:|---:|---:|")
            for home, to in (
                ("docker", "ide"),
                ("docker", "ide --same-address"),
                ("docker", "native"),
                ("native", "ide"),
            ):
                switched(it, home, to, trips, base_s)
            alone(Path(base), trips)
            for name, prepare in (("moving the Docker alias", alias), ("stop + start a forwarder", forwarder)):
                other(it, name, prepare, min(trips, 8))
            flips(it, 100)
            overhead(it)
        finally:
            it.end()
            for name in ("alt-a", "alt-b", "alt-fa", "alt-fb"):
                engine.docker("rm", "-f", name, check=False)
            it.checkout.dev("clean", "--force")


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def spread(times: list[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(times)
    return (
        f"{statistics.median(ordered) * 1e3:.0f} / {ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)] * 1e3:.0f}"
    )


def switched(it: Platform, home: str, to: str, trips: int, base_s: float) -> None:
    """Round trips `home` -> `to` -> `home`; times are those of the command without its own start."""
    it.dev("handoff", "echo", "--to", home)
    out, back = [], []
    with Load(it, 900, PAUSE) as load:
        while len(back) < trips:
            host = "127.0.0.1" if "same" in to else "127.0.0.2"
            process = it.ide(again=True, host=host) if "ide" in to else None
            time.sleep(0.25)
            out.append(seconds(lambda: it.dev("handoff", "echo", "--to", *to.split())) - base_s)
            time.sleep(0.25)
            back.append(seconds(lambda: it.dev("handoff", "echo", "--to", home)) - base_s)
            if process:
                process.wait(20)
        found = load.result()
    for name, seen in found.items():
        if "echo" in name:
            control = found[name.replace("echo", "control")]
            row = f"| {home} <-> {to}, {len(back)} trips, {name.replace(' echo', ',')} | {seen['requests']} "
            row += f"| {seen['failed']} | {seen['gap_ms']} | {control['gap_ms']} "
            print(f"{row}| {spread(out)} | {spread(back)} |", flush=True)
            for _, why in seen["failures"][:3]:
                print(f"<!-- {why} -->")


def alone(base: Path, trips: int) -> None:
    """Without any container: native -> ide -> native, clients on the host; the way back waits for the native start."""
    path, home = base / "alone", base / "home"
    path.mkdir()
    it = Platform(Checkout(path, home, {"DOCKER_HOST": "unix:///nowhere"}), None, 21483, 21484)
    it.write()
    over = base / "over"
    words = [
        sys.executable,
        "-I",
        str(LOAD),
        "900",
        str(over),
        str(PAUSE),
        f"echo=127.0.0.1:{it.port}",
        f"control=127.0.0.1:{it.control}",
    ]
    try:
        it.dev("start")
        load = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        for _ in range(trips):
            process = it.ide(again=True)
            it.dev("handoff", "echo")
            time.sleep(0.25)
            it.dev("handoff", "echo", "--back")
            process.wait(20)
            time.sleep(0.25)
        over.touch()
        assert load.stdout
        found = json.loads(load.stdout.read())
    finally:
        it.end()
        it.checkout.dev("clean", "--force")
    for kind in ("kept", "fresh"):
        seen, control = found[f"echo {kind}"], found[f"control {kind}"]
        row = f"| native <-> ide without containers, {trips} trips, host, {kind} | {seen['requests']} "
        print(f"{row}| {seen['failed']} | {seen['gap_ms']} | {control['gap_ms']} | | |", flush=True)


def other(
    it: Platform, name: str, prepare: Callable[[Platform], tuple[str, Callable[[int], None]]], trips: int
) -> None:
    """The same clients while somebody else switches."""
    target, switch = prepare(it)
    took = []
    text = LOAD.read_text()
    words = [
        "docker",
        "exec",
        "-i",
        it.container("control-box"),
        "python",
        "-I",
        "-",
        str(trips * 4 + 2),
        "/tmp/never",
        str(PAUSE),
    ]
    words += [f"{name.split()[0]}={target}:{it.port}", f"control=control:{it.control}"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    process.stdin.write(text)
    process.stdin.close()
    time.sleep(1)
    for number in range(trips * 2):
        took.append(seconds(lambda: switch(number)))  # noqa: B023
        time.sleep(max(0.0, 1.8 - took[-1]))
    found: dict[str, dict[str, Any]] = json.loads(process.stdout.read())
    for kind in ("kept", "fresh"):
        seen, control = found[f"{name.split()[0]} {kind}"], found[f"control {kind}"]
        row = f"| {name}, {trips} trips, inside, {kind} | {seen['requests']} | {seen['failed']} | {seen['gap_ms']} "
        print(f"{row}| {control['gap_ms']} | {spread(took)} | |", flush=True)


def container(it: Platform, name: str, who: str, *more: str, program: tuple[str, ...] = ("/app/server.py",)) -> None:
    """One beside the platform's own, in its network."""
    assert it.rig
    it.rig.docker(
        "run", "-d", "--init", "--name", name, "--network", f"{it.project}_default", *more, "-e", f"WHO={who}",
        "-e", "HOST=0.0.0.0", "-e", f"PORT={it.port}", "-v", f"{it.checkout.path}/server.py:/app/server.py:ro",
        "--entrypoint", "python", IMAGE, *program,
    )  # fmt: skip


def alias(it: Platform) -> tuple[str, Callable[[int], None]]:
    """Two containers, and a name in the network that goes from one to the other."""
    assert it.rig
    rig, network = it.rig, f"{it.project}_default"
    container(it, "alt-a", "a", "--network-alias", "moved")
    container(it, "alt-b", "b")

    def switch(number: int) -> None:
        old, new = ("alt-a", "alt-b") if number % 2 == 0 else ("alt-b", "alt-a")
        rig.docker("network", "disconnect", network, new)
        rig.docker("network", "connect", "--alias", "moved", network, new)
        rig.docker("network", "disconnect", network, old)
        rig.docker("network", "connect", network, old)

    return "moved", switch


def forwarder(it: Platform) -> tuple[str, Callable[[int], None]]:
    """Two forwarders of one name, one for each target, of which one runs."""
    assert it.rig
    rig = it.rig
    for name, to in (("alt-fa", "alt-a"), ("alt-fb", "alt-b")):
        container(it, name, "f", "--network-alias", "forwarded", program=("-c", FORWARD, to, str(it.port)))
    rig.docker("stop", "-t", "1", "alt-fb")

    def switch(number: int) -> None:
        old, new = ("alt-fa", "alt-fb") if number % 2 == 0 else ("alt-fb", "alt-fa")
        rig.docker("stop", "-t", "1", old)
        rig.docker("start", new)

    return "forwarded", switch


def flips(it: Platform, count: int) -> None:
    """The flip alone: the owner map on the disk, the edge, the gateway."""
    from converge import schema
    from converge.instance import Instance
    from runtime.platform import Platform
    from runtime.routes import owner_map

    instance = Instance(it.checkout.path.resolve(), "story", "", it.control)
    platform = Platform(schema.load(it.checkout.path), instance)
    out, back = [], []
    for _ in range(count):
        out.append(seconds(lambda: owner_map.own(platform, "echo", "native", "127.0.0.3")))
        back.append(seconds(lambda: owner_map.own(platform, "echo", "docker")))
    print(f"\nFlip alone, {count} each way with its durable write, p50/p95 ms: {precise(out)}, {precise(back)}")


def precise(times: list[float]) -> str:
    """The same with a digit more."""
    ordered = sorted(times)
    return f"{statistics.median(ordered) * 1e3:.1f} / {ordered[len(ordered) * 95 // 100] * 1e3:.1f}"


def overhead(it: Platform) -> None:
    """Median of kept connections from a container: to the box itself, by the gateway, by the gateway to the host."""
    assert it.rig
    it.dev("start", "--docker")

    def ask(host: str) -> int:
        assert it.rig
        words = ["exec", it.container("control-box"), "python", "-c", FASTEST, host, str(it.port)]
        return int(it.rig.docker(*words).stdout)

    direct, through, host = [], [], []
    for _ in range(5):
        direct.append(ask("echo-box"))
        through.append(ask("echo"))
    it.ide(again=True)
    it.dev("handoff", "echo")
    time.sleep(0.5)
    for _ in range(5):
        host.append(ask("echo"))
    it.dev("handoff", "echo", "--back")
    print("\n| way of a request from a container, kept connection | p50 us |\n|---|---:|")
    for name, times in (("the box itself", direct), ("gateway, box", through), ("gateway, edge, host process", host)):
        print(f"| {name} | {statistics.median(times):.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
