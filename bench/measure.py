"""What the benches share: one command's wall and CPU seconds with all its children, and rows of a table."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TOOL = Path(__file__).resolve().parent.parent
os.environ.setdefault("DEV_SHARED", "no")  # figures are those of a machine of one person


@dataclass
class Cost:
    """Seconds of each run; `cpu` counts user and system time of the command and of what it waited for."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def row(self, name: str, base: Cost) -> str:
        """A line of a Markdown table: medians, and how many times the base's."""
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        ratio = cpu / statistics.median(base.cpu)
        return f"| {name} | {wall * 1000:.0f} | {cpu * 1000:.0f} | {ratio:.1f} |"


def run(argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Wall and CPU seconds of one run; its output is dropped."""
    began = time.monotonic()
    process = subprocess.Popen(
        list(argv), cwd=cwd, env=None if env is None else dict(env), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:  # an interrupted bench leaves no command behind
        process.terminate()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not (argv[-1] == "doctor" and process.returncode == 1):  # mise: tools are not its own
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime


def interleaved(runs: Mapping[str, Callable[[], tuple[float, float]]], rounds: int) -> dict[str, Cost]:
    """Each of them once per round, so that a noisy minute of the machine meets them all; one round is not counted."""
    costs = {name: Cost() for name in runs}
    for number in range(rounds + 1):
        for name, one in runs.items():
            wall, cpu = one()
            if number:
                costs[name].wall.append(wall)
                costs[name].cpu.append(cpu)
    return costs


def wait_for(true: Callable[[], bool], timeout: float = 60.0, pause: float = 0.005) -> float:
    """Seconds until it is true."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > timeout:
            raise SystemExit("it did not happen")
        time.sleep(pause)
    return time.monotonic() - began


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
