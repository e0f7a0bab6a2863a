"""What surrounds a Docker engine: its program, what could start it, who may use it, whether ./dev started it."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

from facts import docker
from facts.docker import Here
from facts.probe import LocalProbe
from facts.value import dataclass

STATE = "/var/lib/dev/engine.json"
"""Which engine `./dev` started itself: pid, start time in ticks since boot, boot id."""
UNITS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")


@dataclass(frozen=True)
class Daemon:
    """`program` is empty without dockerd; `own` is the pid of an engine that lives and that we started, else 0."""

    program: str = ""
    systemd: bool = False
    """systemd runs this machine."""
    unit: bool = False
    """It has a unit for Docker."""
    script: bool = False
    """There is an init script for Docker."""
    user: str = ""
    group: str = "docker"
    """The group that may ask the engine."""
    member: bool = True
    """The user is in it, by the system's list; root needs no group."""
    joined: bool = True
    """This session has it, too."""
    own: int = 0


def probe() -> LocalProbe:
    """`docker.daemon`."""
    return LocalProbe("docker.daemon", look)


def look(here: Here | None = None) -> Daemon:
    """Read from files alone."""
    here = here or Here()
    at = here.root
    group, gid = _group(at / docker.SOCKET[1:])
    user = _user()
    root = os.geteuid() == 0
    return Daemon(
        docker.program(here),
        (at / "run/systemd/system").is_dir(),
        any((at / place / "docker.service").exists() for place in UNITS),
        os.access(at / "etc/init.d/docker", os.X_OK),
        user, group, root or _member(user, group, gid), root or (gid is not None and gid in os.getgroups()),
        own(at / STATE[1:]),
    )  # fmt: skip


def own(state: Path = Path(STATE)) -> int:
    """Pid of the engine that we started and that still lives; 0 without one."""
    try:
        known = json.loads(state.read_text())
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        started = Path(f"/proc/{known['pid']}/stat").read_text().rpartition(")")[2].split()[19]
        return int(known["pid"]) if (known["start"], known["boot"]) == (int(started), boot) else 0
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return 0


def was_own(state: Path = Path(STATE)) -> bool:
    """Whether an engine that we started has ended by a crash or with the machine; one we ended left no trace."""
    return state.exists() and not own(state)


def _group(socket: Path) -> tuple[str, int | None]:
    """The socket's own group if it has one to speak of, else `docker`."""
    import grp  # saves 0.5 ms where no Docker is declared

    try:
        if gid := socket.stat().st_gid:
            return grp.getgrgid(gid).gr_name, gid
    except (OSError, KeyError):
        pass
    try:
        return "docker", grp.getgrnam("docker").gr_gid
    except KeyError:
        return "docker", None


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _member(user: str, group: str, gid: int | None) -> bool:
    import grp  # saves 0.5 ms where no Docker is declared
    import pwd

    try:
        return user in grp.getgrnam(group).gr_mem or pwd.getpwnam(user).pw_gid == gid
    except KeyError:
        return False
