"""What can be said about Docker without its client: is an engine there, does it answer, may we speak to it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facts.probe import LocalProbe, Probe

State = Literal["ready", "absent", "down", "stale", "denied", "wrong-host", "wrong-context"]
SOCKET = "/var/run/docker.sock"
TIMEOUT = 1.0
"""Seconds the engine has for its answer."""


@dataclass(frozen=True)
class Docker:
    """`stale`: a socket nobody listens on; `denied`: it is not ours to open; the rest is what the engine told."""

    state: State
    host: str = ""
    engine: str = ""
    compose: str = ""
    """Path of the Compose v2 plugin; empty without one."""
    because: str = ""


@dataclass(frozen=True)
class Kernel:
    """What an engine needs of the system below it: control groups, iptables, the overlay file system."""

    cgroups: bool
    iptables: bool
    overlay: bool


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


def look() -> Docker:
    """The engine that `docker` itself would speak to: $DOCKER_HOST, else the current context's, else the default."""
    compose = _compose()
    try:
        host = os.environ.get("DOCKER_HOST") or _context_host()
    except KeyError as missing:
        return Docker("wrong-context", compose=compose, because=f"there is no context {missing}")
    if host and not host.startswith("unix://"):
        return Docker("wrong-host", host, compose=compose, because="only a local engine can run a local platform")
    path = host.removeprefix("unix://") or SOCKET
    found = _ask(path)
    if isinstance(found, str):
        return Docker("ready", f"unix://{path}", found, compose)
    state, because = found
    if state == "absent" and host:
        state, because = "wrong-host", f"{path} does not exist"
    elif state == "absent" and shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        state, because = "down", "dockerd is installed and does not run"
    return Docker(state, f"unix://{path}", compose=compose, because=because)


def _ask(path: str) -> str | tuple[State, str]:
    connection = http.client.HTTPConnection("docker", timeout=TIMEOUT)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(TIMEOUT)
    try:
        connection.sock.connect(path)
        connection.request("GET", "/version")
        return str(json.loads(connection.getresponse().read())["Version"])
    except FileNotFoundError:
        return "absent", f"{path} does not exist"
    except PermissionError:
        return "denied", f"{path} belongs to another user or group"
    except ConnectionRefusedError:
        return "stale", f"nobody listens on {path}"
    except (OSError, ValueError, KeyError, http.client.HTTPException) as problem:
        return "down", f"no sensible answer on {path}: {problem}"
    finally:
        connection.close()


def _context_host() -> str:
    """Socket of the current context; KeyError with its name if it does not exist."""
    home = Path(os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"))
    name = os.environ.get("DOCKER_CONTEXT", "")
    if not name:
        try:
            name = json.loads((home / "config.json").read_text()).get("currentContext", "")
        except (OSError, ValueError, AttributeError):
            name = ""
    if name in ("", "default"):
        return ""
    for meta in home.glob("contexts/meta/*/meta.json"):
        try:
            context = json.loads(meta.read_text())
            if context["Name"] == name:
                return str(context["Endpoints"]["docker"]["Host"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    raise KeyError(name)


def _compose() -> str:
    home = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    for place in (home, "/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker"):
        path = Path(place) / "cli-plugins" / "docker-compose"
        if os.access(path, os.X_OK):
            return str(path)
    return ""
