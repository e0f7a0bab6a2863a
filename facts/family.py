"""One process and all that descend from it, as a tree of one moment: command lines, ages, who has ended."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from facts.value import dataclass

FIELDS = re.compile(r"(\d+) +(\d+) +(\S+) +(\S+) +(.*)")
"""A row of `ps -o pid=,ppid=,stat=,etime=,args=`."""


@dataclass(frozen=True)
class Member:
    """One process of the tree."""

    pid: int
    parent: int
    argv: tuple[str, ...]
    age: float
    """Seconds since it began."""
    ended: bool = False
    """A zombie: its parent has not asked for its exit code yet."""
    had_children: bool = False
    """Whether it has asked for the exit code of a child (Linux alone tells)."""


def of(pid: int) -> tuple[Member, ...]:
    """The process and its descendants, parents first; empty where there is no such process."""
    rows = _of_proc() if Path("/proc/self/stat").exists() else _of_ps()
    children: dict[int, list[Member]] = {}
    root = None
    for row in rows:
        children.setdefault(row.parent, []).append(row)
        root = row if row.pid == pid else root
    if root is None:
        return ()
    found = [root]
    for member in found:  # it grows meanwhile
        found += children.get(member.pid, [])
    return tuple(found)


def command(pid: int) -> tuple[str, ...]:
    """The command line of one process; empty where there is none."""
    if Path("/proc/self/stat").exists():
        try:
            return _words(Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            return ()
    return next((row.argv for row in _of_ps() if row.pid == pid), ())


def in_group(pid: int, name: str) -> bool:
    """Whether the process is in a control group whose path contains the name, as a container's contains its id."""
    try:
        return bool(name) and name in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


def _words(command_line: bytes) -> tuple[str, ...]:
    return tuple(word.decode(errors="replace") for word in command_line.rstrip(b"\0").split(b"\0"))


def _of_proc() -> Iterable[Member]:
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    tick = os.sysconf("SC_CLK_TCK")
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            stat = Path(f"/proc/{name}/stat").read_bytes()
            argv = _words(Path(f"/proc/{name}/cmdline").read_bytes())
        except OSError:  # it has ended meanwhile
            continue
        # proc(5): after the name in parentheses come 3 state, 4 ppid, … 11 cminflt, … 22 starttime
        fields = stat.rpartition(b")")[2].split()
        age = max(0.0, uptime - int(fields[19]) / tick)
        # a child that was waited for has left its page faults: there is no program without any
        yield Member(int(name), int(fields[1]), argv, age, fields[0] in (b"Z", b"X"), int(fields[8]) > 0)


def _of_ps() -> list[Member]:
    argv = ["ps", "-axo", "pid=,ppid=,stat=,etime=,args="]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return list(parse(done.stdout))


def parse(text: str) -> Iterable[Member]:
    """The rows of ps, as macOS has it; an argument with spaces reads as several."""
    for row in text.splitlines():
        if found := FIELDS.fullmatch(row.strip()):
            pid, parent, state, elapsed, command = found.groups()
            yield Member(int(pid), int(parent), tuple(command.split()), _seconds(elapsed), state.startswith("Z"))


def _seconds(elapsed: str) -> float:
    """Seconds of `[[DAYS-]HOURS:]MINUTES:SECONDS`."""
    days, _, clock = elapsed.rpartition("-")
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return total + 86400 * int(days or 0)
