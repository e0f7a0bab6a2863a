"""What can be said about Docker without its client: whose engine is there, does it answer, may we speak to it."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from facts.compose import own_directory
from facts.engine import Engine, EngineError, EngineGone
from facts.probe import LocalProbe, Probe
from facts.value import dataclass, field, replace

State = Literal["ready", "absent", "down", "stale", "denied", "wrong-host", "wrong-context"]
Flavour = Literal["engine", "desktop", "colima", "orbstack", "podman", "rootless"]
SOCKET = "/var/run/docker.sock"
TIMEOUT = 10.0
"""Seconds the engine has for its answer; a missing engine is known at once."""
AGAIN, WITHIN = 1.0, 60.0
"""Seconds it has if it did not answer in time in a look of this command, which was at most so many seconds ago."""
API = "1.41"
"""Oldest version of Docker's API that can be used: that of engine 20.10, and of podman for Compose v2."""
MARKS: tuple[tuple[str, Flavour], ...] = (
    ("/.colima/", "colima"), ("/.orbstack/", "orbstack"), ("/.docker/run/", "desktop"),
    ("docker-desktop", "desktop"), ("/.docker/desktop/", "desktop"), ("podman", "podman"), ("/run/user/", "rootless"),
)  # fmt: skip
"""What a socket's path says about who listens there."""
CONTEXTS: dict[str, Flavour] = {
    "desktop-linux": "desktop", "desktop": "desktop", "colima": "colima", "orbstack": "orbstack",
    "rootless": "rootless",
}  # fmt: skip
"""Names that these programs give to the context they make."""
APPS: tuple[tuple[str, str, Flavour], ...] = (
    ("darwin", "Applications/Docker.app", "desktop"), ("darwin", "Applications/OrbStack.app", "orbstack"),
    ("darwin", "opt/homebrew/bin/colima", "colima"), ("darwin", "usr/local/bin/colima", "colima"),
    ("linux", "opt/docker-desktop", "desktop"), ("linux", "mnt/wsl/docker-desktop", "desktop"),
    ("linux", "mnt/c/Program Files/Docker/Docker", "desktop"),
)  # fmt: skip
"""System, a path that an app with an engine installs there, and the app; on WSL, Desktop runs in Windows."""


@dataclass(frozen=True)
class Docker:
    """`stale`: no process listens on the socket; `denied`: we may not open it; the rest is what the engine answered."""

    state: State
    host: str = ""
    engine: str = ""
    api: str = ""
    flavour: Flavour = "engine"
    origin: str = ""
    """Who named the host: `DOCKER_HOST`, `DOCKER_CONTEXT`, `context NAME`, or empty."""
    because: str = ""


@dataclass(frozen=True)
class Kernel:
    """What an engine needs of the system below it: control groups, iptables, the overlay file system."""

    cgroups: bool
    iptables: bool
    overlay: bool


@dataclass(frozen=True)
class Here:
    """What a look depends on."""

    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    root: Path = Path("/")
    system: str = sys.platform


def kernel() -> Probe:
    """`docker.kernel`: why an installed engine may refuse to start; on macOS it has a machine of its own."""
    sh = """[ -e /sys/fs/cgroup/cgroup.controllers ] || [ -d /sys/fs/cgroup/devices ] && echo cgroups
command -v iptables >/dev/null || [ -x /usr/sbin/iptables ] || [ -x /sbin/iptables ] && echo iptables
grep -qw overlay /proc/filesystems && echo overlay
true"""
    return Probe("docker.kernel", sh, lambda text: Kernel(*(word in text.split() for word in _KERNEL)))


_KERNEL = ("cgroups", "iptables", "overlay")


def probe() -> LocalProbe:
    """`docker`: asked over its own socket with the standard library."""
    return LocalProbe("docker", look)


def look(here: Here | None = None) -> Docker:
    """The engine that `docker` itself would speak to: $DOCKER_HOST, else the current context's, else the default."""
    here = here or Here()
    try:
        host, origin = _host(here)
    except KeyError as missing:
        origin = "DOCKER_CONTEXT" if here.env.get("DOCKER_CONTEXT") else "config"
        return Docker("wrong-context", origin=origin, because=f"there is no Docker context {missing}")
    if host and not host.startswith("unix://"):
        return Docker("wrong-host", host, origin=origin, because="a local platform needs a local engine")
    path = Path(host.removeprefix("unix://") or here.root / SOCKET[1:])
    flavour = CONTEXTS.get(origin.removeprefix("context "), _flavour(path))
    found = replace(_ask(path, here), origin=origin, host=f"unix://{path}")
    if found.state == "ready":
        return found if found.flavour != "engine" else replace(found, flavour=flavour)
    found = replace(found, flavour=flavour)
    if found.state == "absent":
        return _absent(found, path, here)
    named = origin and found.flavour == "engine" and path != Path(SOCKET)
    return replace(found, state="wrong-host") if named and found.state in ("stale", "down") else found


def _host(here: Here) -> tuple[str, str]:
    """Address and who named it; KeyError with the name of a context that does not exist."""
    if host := here.env.get("DOCKER_HOST"):
        return host, "DOCKER_HOST"
    home = own_directory(here.env)
    name, origin = here.env.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        name = str(_json(home / "config.json").get("currentContext", ""))
        origin = f"context {name}"
    if name in ("", "default"):
        return "", ""
    for meta in home.glob("contexts/meta/*/meta.json"):
        context = _json(meta)
        if context.get("Name") == name:
            try:
                return str(context["Endpoints"]["docker"]["Host"]), origin
            except (KeyError, TypeError):
                continue
    raise KeyError(name)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _flavour(path: Path) -> Flavour:
    """By the socket's own path or, where it is a link (Docker Desktop on macOS), by what it points to."""
    names = f"{path}\0{os.path.realpath(path)}"
    return next((flavour for mark, flavour in MARKS if mark in names), "engine")


_silent_at: dict[Path, float] = {}
"""Socket -> when its engine did not answer in time, by the monotonic clock."""


def _ask(path: Path, here: Here) -> Docker:
    """`/_ping` names engine and version in 1 ms; `/version`, which starts containerd and runc to ask them, takes 9."""
    engine, silent = Engine(f"unix://{path}"), time.monotonic() - _silent_at.get(path, -WITHIN) < WITHIN
    try:
        with engine.stream("/_ping", AGAIN if silent else TIMEOUT) as answer:
            server, api = answer.headers.get("Server", ""), answer.headers.get("Api-Version", "")
        if named := re.match(r"(Docker|Libpod)/(\S+)", server):
            flavour: Flavour = "podman" if named.group(1) == "Libpod" else "engine"
            return Docker("ready", engine=named.group(2), api=api, flavour=flavour)
        return _told(engine.get("/version", TIMEOUT))
    except EngineGone as gone:
        if isinstance(gone.cause, TimeoutError):
            _silent_at[path] = time.monotonic()
            return Docker("down", because=f"the engine on {path} does not answer in time")
        return _silent(path, here, gone.cause)
    except (EngineError, ValueError, KeyError, TypeError) as problem:
        return Docker("down", because=f"invalid answer on {path}: {problem}")


def _silent(path: Path, here: Here, cause: Exception) -> Docker:
    """The state of an engine that does not answer."""
    if isinstance(cause, FileNotFoundError | NotADirectoryError):
        return Docker("absent", because=f"{path} does not exist")
    stale = isinstance(cause, ConnectionRefusedError)
    if isinstance(cause, PermissionError):
        if here.system != "linux" or _listened(path, here):
            return Docker("denied", because=f"{path} belongs to another user or group")
        stale = True
    if stale:
        return Docker("stale", because=f"no process listens on {path}")
    return Docker("down", because=f"invalid answer on {path}: {cause}")


def _told(told: Any) -> Docker:
    """What `/version` means, of an engine whose ping has no name."""
    if not isinstance(told, dict):
        raise ValueError("it is not a version")
    parts = {str(part.get("Name", "")) for part in told.get("Components") or ()}
    platform = str((told.get("Platform") or {}).get("Name", ""))
    flavour: Flavour = "engine"
    if "Docker Desktop" in platform:
        flavour = "desktop"
    elif "Podman Engine" in parts:
        flavour = "podman"
    elif "rootlesskit" in parts:
        flavour = "rootless"
    return Docker("ready", engine=str(told["Version"]), api=str(told.get("ApiVersion", "")), flavour=flavour)


def _listened(path: Path, here: Here) -> bool:
    """Whether a process listens on a socket we may not open.

    Also true if the kernel's list does not have the socket and no engine is installed here: the socket may be mounted
    into this container.
    """
    real = os.path.realpath(path)
    try:
        lines = (here.root / "proc/net/unix").read_text(errors="replace").splitlines()
    except OSError:
        return True
    names = [line.split(maxsplit=7)[-1] for line in lines[1:] if line.rstrip().endswith(path.name)]
    return any(os.path.realpath(name) == real for name in names) or not program(here)


def _absent(found: Docker, path: Path, here: Here) -> Docker:
    """No socket: no engine, an engine that does not run, or a path on which no engine ever listened."""
    if found.flavour != "engine":
        return replace(found, state="down", because=f"{path} does not exist")
    if found.origin:
        return replace(found, state="wrong-host")
    if where := program(here):
        return replace(found, state="down", because=f"{where} is installed but does not run")
    for system, place, flavour in APPS:
        if here.system == system and (here.root / place).exists():
            return replace(
                found, state="down", flavour=flavour, because=f"/{place} is installed, but its engine does not run"
            )
    return found


def program(here: Here | None = None) -> str:
    """Path of `dockerd`, also in directories that a user's PATH may not have; empty if there is none."""
    here = here or Here()
    own = [Path(place) for place in here.env.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place)]
    places = [here.root / str(place)[1:] for place in (*own, Path("/usr/local/sbin"), Path("/usr/sbin"), Path("/sbin"))]
    return next((str(place / "dockerd") for place in places if os.access(place / "dockerd", os.X_OK)), "")
