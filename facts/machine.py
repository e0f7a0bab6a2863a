"""What the machine is: system, surroundings, memory, limits, free disk, clock. Linux and macOS."""

from __future__ import annotations

import errno
import os
import re
import shlex
from pathlib import Path

from facts.probe import AnyProbe, LocalProbe, Probe
from facts.value import dataclass


@dataclass(frozen=True)
class System:
    """`uname`: Linux or Darwin, release of the kernel, machine (x86_64, arm64, aarch64)."""

    name: str
    kernel: str
    arch: str


@dataclass(frozen=True)
class Distribution:
    """Which distribution, by the `distro` library: id as in os-release, version, and the name people say."""

    id: str
    version: str
    name: str


def probes(disk: str = "/") -> list[AnyProbe]:
    """Every look at the machine itself; free disk space is that of the disk of `disk`."""
    return [
        Probe("machine.system", "uname -s; uname -r; uname -m", _system),
        LocalProbe("machine.distribution", _distribution),
        Probe("machine.surroundings", _SURROUNDINGS, lambda text: tuple(sorted(set(text.split())))),
        Probe("machine.memory", "cat /proc/meminfo || echo bytes $(sysctl -n hw.memsize)", _memory),
        Probe("machine.disk_free", f"df -Pk {shlex.quote(disk)}", _disk_free),
        Probe("machine.open_files", "ulimit -n", _limit),
        Probe("machine.inotify_watches", "cat /proc/sys/fs/inotify/max_user_watches || echo unlimited", _limit),
        LocalProbe("machine.inotify_instances", _instances),
        Probe("machine.clock", "date -u +%s", lambda text: int(text)),
    ]


_SURROUNDINGS = """grep -qi microsoft /proc/version && echo wsl
[ -e /.dockerenv ] || [ -e /run/.containerenv ] || [ -n "${container:-}" ] && echo container
[ -d /run/systemd/system ] && echo systemd
true"""


def _system(text: str) -> System:
    name, kernel, arch = text.split("\n")[:3]
    return System(name, kernel, arch)


def _distribution() -> Distribution:
    import distro  # saves 6 ms of a doctor: only ./dev facts asks for it

    return Distribution(distro.id(), distro.version(best=True), distro.name(pretty=True))


def _memory(text: str) -> int:
    """Bytes installed."""
    if found := re.search(r"^MemTotal:\s+(\d+) kB", text, re.MULTILINE):
        return int(found.group(1)) * 1024
    if found := re.search(r"^bytes (\d+)$", text, re.MULTILINE):
        return int(found.group(1))
    raise ValueError("not an amount of memory")


def _disk_free(text: str) -> int:
    """Bytes free for this user; POSIX df writes one line per file system, the fourth number is what is left."""
    fields = text.strip().splitlines()[-1].split()
    numbers = [field for field in fields if field.isdigit()]
    if len(numbers) < 3:
        raise ValueError("df printed no sizes")
    return int(numbers[2]) * 1024


@dataclass(frozen=True)
class Instances:
    """How many instances of inotify this user may have, and whether all are used up; 0 where the system has none."""

    limit: int = 0
    used_up: bool = False


def _instances() -> Instances:
    """By asking for one more: a program that watches files has one, and gets an error or nothing without it."""
    try:
        limit = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    except FileNotFoundError:
        return Instances()
    import ctypes  # saves 2 ms where no service is declared

    given = ctypes.CDLL(None, use_errno=True).inotify_init1(os.O_CLOEXEC)
    if given < 0:
        return Instances(limit, ctypes.get_errno() == errno.EMFILE)
    os.close(given)
    return Instances(limit)


def _limit(text: str) -> int | None:
    """A limit; None where there is none."""
    return None if text.strip() in ("unlimited", "infinity") else int(text)
