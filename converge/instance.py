"""The one value from which every name, port, lock and path of a running platform derives."""

from __future__ import annotations

import os
import re
from functools import cached_property, lru_cache
from pathlib import Path

from converge import atomic, identity
from converge.errors import DevError, Exit
from facts import locks, owners, processes, surroundings
from facts.value import dataclass

EDGE = "dev-edge"
"""Name of the component that listens on the ports of services in containers; no desired state declares it."""
EPHEMERAL_START = 32768
"""First port of Linux' default ephemeral range, whose ports outgoing connections use; ports that ./dev chooses are
below it."""
STEP = 20
"""Ports of two instances of one checkout differ by a multiple of this."""


@dataclass(frozen=True)
class Instance:
    """One platform of one checkout; `name` is empty for the default one, whose ports are those of the TOML."""

    checkout: Path
    """Absolute, links resolved."""
    project: str
    name: str = ""
    highest_port: int = 0
    """Highest declared port, so that a shifted one stays below the ephemeral range, or below the last port."""

    @cached_property
    def id(self) -> str:
        """Ten hex digits that no other checkout or instance of this machine has; they stay when it is moved."""
        return identity.of(self.checkout, self.name, self.state)

    @cached_property
    def port_shift(self) -> int:
        """What is added to every declared port; 0 for the default instance."""
        if not self.name:
            return 0
        last = EPHEMERAL_START - 1 if self.highest_port < EPHEMERAL_START else 65535
        slots = max(1, (last - self.highest_port) // STEP)
        return STEP * (1 + int(self.id, 16) % slots) if slots > 1 else STEP

    def port(self, declared: int) -> int:
        """The port a component of this instance really has."""
        return declared + self.port_shift

    @property
    def dev(self) -> Path:
        """`.dev/` of the checkout: what all its instances share (venv, cache, env file)."""
        return self.checkout / ".dev"

    @cached_property
    def state(self) -> Path:
        """State of this instance alone: logs, data, shim state, locks."""
        return self.dev / "instances" / (self.name or "default")

    @property
    def compose_project(self) -> str:
        """`shop-3fa9c1d2ab`: what every container, network and volume of this instance starts with."""
        return f"{self.project}-{self.id}"

    @property
    def engine_record(self) -> Path:
        """Says which Docker engine has this instance's containers and volumes; absent where it never had any."""
        return self.state / "compose" / "engine"

    @property
    def network_file(self) -> Path:
        """A Compose file with the address range of this instance's Docker network."""
        return self.engine_record.with_name("network.json")

    @property
    def rendered_file(self) -> Path:
        """A Compose file with the infrastructure that is declared by its image alone; absent without any."""
        return self.engine_record.with_name("rendered.json")

    @property
    def routes(self) -> Path:
        """Directory that the gateway and this machine share: owner map, configuration, sockets; absent without them."""
        return self.state / "routes"

    @property
    def owner_map(self) -> Path:
        """Says who owns each service's name and port; absent where no service runs in a container."""
        return self.routes / "owner.map"

    @property
    def routes_file(self) -> Path:
        """A Compose file with the names and addresses of this instance's gateway and containers."""
        return self.engine_record.with_name("routes.json")

    def handed(self, component: str) -> Path:
        """Journal of the component's hand-off; absent where it is in none."""
        return self.state / "handoff" / f"{component}.json"

    @property
    def environments(self) -> Path:
        """Directory of the environment files of what is handed off, of all instances of the checkout; 0700."""
        return self.dev / "env"

    def environment_file(self, component: str) -> Path:
        """What the component's process gets when an IDE starts it; absent where it is not handed off."""
        return self.environments / self.name / f"{component}.env"

    def data_note(self, component: str) -> Path:
        """Says in which placement the component's data are; absent if it never had any."""
        return self.state / "placed" / component

    def run_directory(self, component: str) -> Path:
        """What only this component of this instance writes."""
        return self.state / "run" / component

    def private(self, component: str) -> Path:
        """What only this component of this instance may read: keys, sessions."""
        return self.state / "private" / component

    @property
    def snapshots(self) -> Path:
        """Written snapshots of databases: one directory for each name; absent where there was never any."""
        return self.state / "snapshots"

    @property
    def container_secrets(self) -> Path:
        """Directory of the secrets that containers get as files, one directory for each; 0700."""
        return self.state / "container-secrets"

    def shim_lock(self, component: str) -> Path:
        """The lock that the component's shim holds as long as it lives."""
        return self.run_directory(component) / "lock"

    def mark(self, component: str) -> str:
        """With what the mark of each of the component's processes begins."""
        return f"{self.id}:{component}:"

    def run(self, component: str) -> processes.Run:
        """By what the component's processes are known: what its shim wrote down, else who holds its lock."""
        value, lock = processes.load(self.run_directory(component) / processes.RECORD), self.shim_lock(component)
        run = processes.of_document(value, self.mark(component))
        if not locks.held(lock) or any(processes.holds(keeper, lock) for keeper in run.keepers):
            return run
        found = frozenset(holder.identity for holder in processes.holders(lock))
        return run._replace(keepers=found) if found else run  # another user's are not seen

    def owns(self, component: str, pid: int) -> bool:
        """Whether the process of that number belongs to the component; no process has the number 0."""
        among = processes.table()
        process = among.get(pid) if pid else None
        return process is not None and processes.belongs(process, self.run(component), among)

    @cached_property
    def data(self) -> Path:
        """Data of infra components; for root, a directory that an unprivileged Postgres can reach."""
        return Path("/var/lib/dev/data") / self.id if os.geteuid() == 0 else self.state / "data"

    @cached_property
    def sockets(self) -> Path:
        """Short 0700 directory for unix sockets, whose paths end at 104 bytes on macOS and 108 on Linux."""
        base = os.environ.get("XDG_RUNTIME_DIR", "")
        if not os.path.isabs(base) or len(base) > 40 or not os.access(base, os.W_OK):
            import tempfile  # saves 2 ms of every command that opens none of them

            base = "/tmp" if os.access("/tmp", os.W_OK) else tempfile.gettempdir()
        return Path(base) / f"dev-{os.geteuid()}" / self.id


def make_own_directory(checkout: Path) -> Path:
    """Make `.dev/` of a checkout, with a `.gitignore` that hides it from git; give its path. OSError if not.

    Other users cannot enter it. Where it has the tool's own environment, which they may run, that is true of
    `instances/` in it, which has logs, state and data.

    `cli/bootstrap.py` does the same for the tool's own checkout, as it runs before any module of the tool.
    """
    directory = checkout / ".dev"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = directory / "instances" if (directory / "venv").exists() else directory
    private.mkdir(mode=0o700, exist_ok=True)
    about = private.stat()
    if about.st_mode & 0o077 and about.st_uid == os.geteuid():
        private.chmod(0o700)
    ignore = directory / ".gitignore"
    try:
        hidden = ignore.stat().st_size
    except OSError:
        hidden = 0
    if not hidden:  # a killed run may have left it empty
        atomic.write(ignore, "*\n", mode=0o644)
    return directory


def store() -> Path:
    """The per-user store of tools: `$DEV_STORE`, else XDG's data home; as root below /var/lib, readable for others.

    Raises DevError `store-not-ours` if another user could change what is in it, as its programs run as this user.
    """
    place = store_path()
    _check_owner(place)
    return place


@lru_cache(maxsize=8)
def _check_owner(place: Path) -> None:
    if why := owners.problem(place):
        raise DevError(
            "store-not-ours",
            f"the store {place} is not used",
            because=f"{why}, and programs of the store run as you",
            hint="correct its owner and permissions (`chmod go-w`), or set DEV_STORE to a directory of your own",
            exit=Exit.NEEDS_HUMAN,
        )


def store_path() -> Path:
    """Where the store is; who may change what is in it is not checked."""
    if chosen := os.environ.get("DEV_STORE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/lib/dev/store")
    if not (home := surroundings.home()):
        raise DevError(
            "home-missing",
            "there is no home directory",
            because="HOME is not set, and this user has no home directory",
            hint="set HOME, or set DEV_STORE to a directory that you can write to",
            exit=Exit.NEEDS_HUMAN,
        )
    chosen = os.environ.get("XDG_DATA_HOME", "")
    return Path(chosen if os.path.isabs(chosen) else f"{home}/.local/share") / "dev" / "store"


def is_name(name: str) -> bool:
    """Whether it can be part of a file name, a database or a host name."""
    return bool(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", name))


def check_name(name: str) -> None:
    """Refuse an instance name that could not be part of a file name, a database or a host name."""
    if not is_name(name):
        raise DevError(
            "instance-name",
            f"{name!r} is not an instance name",
            because="an instance name becomes part of paths and host names",
            hint="use up to 32 lower-case letters, digits and dashes",
            exit=Exit.USAGE,
        )
