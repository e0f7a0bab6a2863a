"""Bench (h): what the everyday commands cost in this checkout and in another checkout of the tool, in one run.

`python bench/warm.py BASE [ROUNDS]`, on Linux: BASE is the other checkout, for example a git worktree at an older
commit. Each tool has a project of its own with six small services in a temporary directory, with its own HOME and
store, without Docker. Each command is run with one tool and at once with the other, so that both meet the same load.
"""

from __future__ import annotations

import os
import random
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import TOOL, Cost, run

SERVICES = 6
LIMIT = 180
"""Seconds after which a command that has not ended ends the bench."""
YOUNG = 2.0
"""Age in seconds at which the CPU of a shim is read."""
COMMANDS = {
    "cold `start`": ("start",),
    "`start`, everything runs": ("start",),
    "`start --no-fix`, everything runs": ("start", "--no-fix"),
    "`status`": ("status",),
    "`doctor`": ("doctor",),
    "`stop`": ("stop",),
}
SHIMS = f"shims in their first {YOUNG:.0f} s"
DROPPED = ("DEV_INSTANCE", "DEV_RUN_ID", "FORCE_COLOR", "NO_COLOR", "XDG_DATA_HOME")
PROGRAM = """import http.server, os

class Worker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

print("worker begins", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Worker).serve_forever()
"""


@dataclass
class Side:
    """One tool with its project."""

    tool: Path
    place: Path
    costs: dict[str, Cost] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project, self.home = self.place / "project", self.place / "home"
        kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
        self.env = kept | {
            "HOME": str(self.home), "DEV_STORE": str(self.place / "store"), "DOCKER_HOST": "unix:///nowhere/docker.sock",
            "DEV_TRUST": "1",
        }  # fmt: skip

    def argv(self, *words: str) -> list[str]:
        return [str(self.tool / "dev"), "-C", str(self.project), *words]

    def write(self, ports: list[int]) -> None:
        """Write the project: half of the services need the first one."""
        self.project.mkdir(parents=True)
        self.home.mkdir()
        (self.project / "worker.py").write_text(PROGRAM)
        text = 'schema = 1\n[project]\nname = "warm"\n'
        for number, port in enumerate(ports):
            text += f'[services.worker{number}]\nkind = "command"\nport = {port}\nready = {{ http = "/" }}\n'
            text += f"dev = '''exec {shlex.quote(sys.executable)} worker.py'''\n"
            text += 'needs = ["worker0"]\n' if number >= len(ports) // 2 else ""
        (self.project / "desired_state.toml").write_text(text)

    def take(self, name: str, counted: bool) -> None:
        """Run one command and keep its cost; after a cold start that of the shims too."""
        signal.alarm(LIMIT)
        wall, cpu = run(self.argv(*COMMANDS[name]), self.project, self.env)
        signal.alarm(0)
        taken = {name: (wall, cpu)}
        if name.startswith("cold"):
            taken[SHIMS] = (0.0, sum(young(pid) for pid in self.shims()))
        for each, (wall, cpu) in taken.items() if counted else ():
            cost = self.costs.setdefault(each, Cost())
            cost.wall.append(wall)
            cost.cpu.append(cpu)

    def shims(self) -> list[int]:
        """Processes of the project's shims, guards included, oldest first."""
        found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self.is_shim(entry)]
        if len(found) < SERVICES:
            raise SystemExit(f"{len(found)} shims run for {SERVICES} services")
        return sorted(found, key=began)

    def is_shim(self, entry: Path) -> bool:
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        inside = any(word.startswith(os.fsencode(self.project)) for word in words)
        return inside and any(word.endswith(b"/shim.py") for word in words)

    def stop(self) -> bool:
        """End the project with its own tool, out of reach of a further Ctrl-C."""
        if not (self.project / ".dev").exists():
            return True
        try:
            ran = subprocess.run(
                self.argv("stop"), env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=LIMIT, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            ran = subprocess.CompletedProcess([], 1, "", f"it takes longer than {LIMIT} s")
        if ran.returncode:
            print(f"{' '.join(self.argv('stop'))} failed: {ran.stderr}", file=sys.stderr)
        return not ran.returncode


def began(pid: int) -> float:
    """Seconds from the start of the machine to the start of the process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def young(pid: int) -> float:
    """CPU seconds of the process at the age `YOUNG`, or now if it is older."""
    time.sleep(max(0.0, began(pid) + YOUNG - time.clock_gettime(time.CLOCK_BOOTTIME)))
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e9


def free_ports(count: int) -> list[int]:
    """Ports below the ephemeral range on which nothing listens."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randrange(22000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                found.add(port)
    return sorted(found)


@contextmanager
def sides(base: Path) -> Iterator[list[Side]]:
    """Both tools with their projects; stopped and deleted afterwards, an interrupted run's too."""
    place = Path(tempfile.mkdtemp(prefix="dev-bench-"))
    both = [Side(TOOL, place / "ours"), Side(base, place / "base")]
    try:
        ports = free_ports(2 * SERVICES)
        for at, side in enumerate(both):
            side.write(ports[at::2])
            subprocess.run([str(side.tool / "dev"), "--help"], check=True, stdout=subprocess.DEVNULL)  # makes its venv
            if (side.tool / "cli" / "trust.py").exists():  # an older tool trusts every checkout
                argv = [str(side.tool / "dev"), "trust", str(side.project)]
                subprocess.run(argv, check=True, env=side.env, stdout=subprocess.DEVNULL)
        yield both
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        signal.alarm(0)
        stopped = [side.stop() for side in both]
        if all(stopped):
            shutil.rmtree(place)
        else:  # what still runs keeps its files
            print(f"the projects are kept in {place}", file=sys.stderr)


def against(ours: list[float], base: list[float]) -> str:
    """Two cells: the medians in ms, and the ratio of the runs of each round, its median and range."""
    ratios = [mine / other for mine, other in zip(ours, base, strict=True)]
    medians = f"{statistics.median(ours) * 1000:.0f} / {statistics.median(base) * 1000:.0f}"
    return f"{medians} | {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"


def ended(number: int, frame: object) -> None:
    if number == signal.SIGALRM:
        raise SystemExit(f"a command takes longer than {LIMIT} s")
    raise KeyboardInterrupt


def main(base: Path, rounds: int) -> None:
    """Print the table; one round is not counted."""
    signal.signal(signal.SIGALRM, ended)
    signal.signal(signal.SIGTERM, ended)
    load = os.getloadavg()[0]
    with sides(base) as both:
        for number in range(rounds + 1):
            for name in COMMANDS:
                for side in both if number % 2 else reversed(both):
                    side.take(name, counted=number > 0)
            print(f"round {number} of {rounds}, load average {os.getloadavg()[0]:.1f}", file=sys.stderr)
    ours, other = (side.costs for side in both)
    print(f"Load average {load:.1f} before, {os.getloadavg()[0]:.1f} after.\n")
    print(f"| command ({rounds} rounds) | wall ms, ours / base | ratio | CPU ms, ours / base | ratio |")
    print("|---|---:|---:|---:|---:|")
    for name, cost in ours.items():
        wall = against(cost.wall, other[name].wall) if name != SHIMS else " | "
        print(f"| {name} | {wall} | {against(cost.cpu, other[name].cpu)} |")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not (Path(sys.argv[1]) / "dev").is_file():
        raise SystemExit(__doc__)
    try:
        main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
    except KeyboardInterrupt:
        raise SystemExit("interrupted") from None
