"""Where the rig lies and what it needs: all names derive from the store, so two stores are two rigs."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from converge.instance import store

COMMANDS = {"dockerd": "docker.io", "docker": "docker.io", "docker-registry": "docker-registry",
            "mmdebstrap": "mmdebstrap", "iptables": "iptables", "ip": "iproute2"}  # fmt: skip
"""What the rig runs -> the Debian package that brings it."""
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
"""Name -> bit in CapEff, from linux/capability.h."""
SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Place:
    """Paths and names of the rig of one store."""

    root: Path
    """Data of engine and registry: the cache between runs."""

    @cached_property
    def key(self) -> str:
        """Six hex digits that no rig of another store has."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:6]

    @property
    def bridge(self) -> str:
        """The engine's own bridge; interface names end at 15 bytes."""
        return f"devrig-{self.key}"

    @property
    def run(self) -> Path:
        """Sockets and pid files, below a short path: those of containerd's shims end at 108 bytes."""
        return Path("/run") / self.bridge

    @property
    def socket(self) -> Path:
        """The engine's socket."""
        return self.run / "docker.sock"

    @property
    def host(self) -> str:
        """What DOCKER_HOST must be."""
        return f"unix://{self.socket}"


def here() -> Place:
    """The rig of this user's store."""
    return Place(store() / "rig")


def lacks(path: str = SBIN) -> str:
    """Why this machine cannot carry the rig, in one line; empty if it can. Commands are looked for on `path`."""
    if not sys.platform.startswith("linux"):
        return "the rig needs Linux: it starts a Docker engine of its own"
    if os.geteuid():
        return "the rig needs root: it starts a Docker engine of its own"
    if missing := [name for name in COMMANDS if not shutil.which(name, path=path)]:
        packages = " ".join(dict.fromkeys(COMMANDS[name] for name in missing))
        return f"the rig needs {', '.join(missing)}: `./dev test --yes` installs {packages}"
    held = _capabilities()
    if missing := [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]:
        return f"the rig needs {', '.join(missing)}: this container or sandbox does not have it"
    return ""


def _capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
