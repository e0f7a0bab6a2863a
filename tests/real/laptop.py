"""A bare Debian machine in a container, in which a Docker engine can be installed and run: the "new laptop"."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import TOOL, Ran, tree
from tests.real import daemons, debian
from tests.real.rig import Rig

IMAGE = "dev-rig/laptop:bookworm"
CAPABILITIES = (
    "DAC_READ_SEARCH", "LINUX_IMMUTABLE", "NET_BROADCAST", "NET_ADMIN", "IPC_LOCK", "IPC_OWNER", "SYS_PTRACE",
    "SYS_PACCT", "SYS_ADMIN", "SYS_NICE", "SYS_TTY_CONFIG", "LEASE", "AUDIT_CONTROL", "MAC_OVERRIDE", "MAC_ADMIN",
    "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
)  # fmt: skip
"""What an engine inside may need, and nothing that could reboot this machine. `--privileged` asks for all there are,
and fails on a machine that lacks one of them (a sandbox often lacks SYS_RESOURCE)."""
CACHES = {"GOMODCACHE": "go/pkg/mod", "GOCACHE": ".cache/go-build", "npm_config_cache": ".npm", "": ".cache/pip"}
"""Variable that may name a cache of this machine -> where it lies in a home directory without one."""
BOOT = """set -e
mount -o remount,rw /sys
for place in /sys/fs/cgroup /sys/fs/cgroup/*; do ! mountpoint -q $place || mount -o remount,bind,rw $place; done
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then # version 2 hands controllers on only from a group without processes
    mkdir -p /sys/fs/cgroup/init
    xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || :
fi
exec sleep infinity"""


@dataclass(frozen=True)
class Laptop:
    """One such machine; ann may use sudo without a password, bob may not use it at all."""

    rig: Rig
    name: str
    mirror: str
    """Address of the rig's registry, as seen from inside."""

    def home(self, user: str) -> str:
        """The user's home directory."""
        return "/root" if user == "root" else f"/home/{user}"

    def clone(self, user: str) -> None:
        """Give the user the working tree as it is now, at `~/shop`."""
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                for name in tree():
                    with contextlib.suppress(FileNotFoundError):  # deleted, and not committed yet
                        archive.add(TOOL / name, f"shop/{name}", recursive=False)
            file.seek(0)
            argv = ["docker", "exec", "-i", "-u", user, self.name, "tar", "x", "--no-same-owner", "-C", self.home(user)]
            subprocess.run(argv, env=self.rig.environment(), stdin=file, check=True)

    def run(self, user: str, script: str, env: Mapping[str, str] = {}, timeout: float = 900) -> Ran:
        """What a shell of the user gives in `~/shop`: a new login each time, without a TTY."""
        given = {"HOME": self.home(user), "USER": user, "SSL_CERT_FILE": debian.BUNDLE}
        given |= {"DEV_REGISTRY_MIRROR": f"http://{self.mirror}", "DEV_SHARED": "no", **env}
        settings = [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
        argv = ["docker", "exec", "-u", user, "-w", f"{self.home(user)}/shop", *settings, self.name, "sh", "-c", script]
        ran = subprocess.run(
            argv, env=self.rig.environment(), capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)


@contextlib.contextmanager
def laptop(rig: Rig, name: str, caches: bool = True) -> Iterator[Laptop]:
    """A fresh machine, gone afterwards with all its data; its root shares the caches of this machine, if so wanted."""
    mirror = daemons.mirror(rig.place)
    rig.docker("rm", "-fv", name, check=False)
    options = ["--security-opt=seccomp=unconfined", "--security-opt=systempaths=unconfined", "--cgroupns=private"]
    options += ["--device-cgroup-rule=a *:* rwm", *(f"--cap-add={capability}" for capability in CAPABILITIES)]
    for variable, place in CACHES.items() if caches else ():
        cache = Path(os.environ.get(variable) or Path.home() / place)
        cache.mkdir(parents=True, exist_ok=True)
        options.append(f"--volume={cache}:/root/{place}")
    # an anonymous volume: overlays cannot lie on overlays
    argv = ["run", "-d", "--init", "--name", name, *options, "-v", "/var/lib/docker", IMAGE, "sh", "-c", BOOT]
    ran = rig.docker(*argv, check=False)
    if 'error mounting "cgroup"' in ran.stderr:  # control groups of this machine that nobody in a container may have
        rig.docker("rm", "-fv", name, check=False)
        pytest.skip(f"A NEW LAPTOP IS NOT TESTED HERE: {ran.stderr.strip()[-300:]}")
    assert ran.returncode == 0, ran.stderr
    try:
        yield Laptop(rig, name, mirror)
    finally:
        rig.docker("rm", "-fv", name)
