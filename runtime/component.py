"""A component as the runtime sees it: its name, kind, needs and port, whether infrastructure or service."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from converge import declared_ports, kinds
from converge.desired import Infra, Ready, Service
from converge.instance import Instance
from facts import peers, users
from facts.ports import Owner
from facts.value import dataclass, field

ADDRESS = re.compile(r"\{host\}|(?<!\w)HOST\b(?!=)")
"""How a command names the address on which it must listen, in a shell or in a language; `PGHOST` is another's."""
LOOPBACK_FOR = {"ide": "127.0.0.2", "native": "127.0.0.3"}
"""Placement -> address on which its process listens while the edge listens on 127.0.0.1, so that callers wait."""


@dataclass(frozen=True)
class Launch:
    """What a native placement runs."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    """The user as which it runs, if not the caller; only root can change the user."""
    stop_signal: int = signal.SIGTERM
    """Signal that asks it to end."""
    debug: int | None = None
    """Port of the debugger it is run under."""
    tty: bool = False
    """Whether its standard input and output are a terminal."""


@dataclass(frozen=True)
class _Entry:
    """What infrastructure and services have in common."""

    name: str
    wants: Infra | Service
    instance: Instance

    @property
    def port(self) -> int | None:
        """Its only port in this instance; None for a worker."""
        return None if self.wants.port is None else self.instance.port(self.wants.port)

    @property
    def ports(self) -> Mapping[str, int]:
        """Its named ports in this instance."""
        return {name: self.instance.port(number) for name, number in declared_ports.named(self.wants).items()}

    @property
    def ready(self) -> Ready | None:
        """How its readiness is checked, if that is declared."""
        return self.wants.ready

    @property
    def directory(self) -> Path:
        """Directory into which only this component of this instance writes."""
        return self.instance.run_directory(self.name)

    @property
    def log(self) -> Path:
        """Its log file."""
        return self.instance.state / "logs" / f"{self.name}.log"

    @property
    def mark(self) -> str:
        """Prefix of the run id of each of its processes."""
        return self.instance.mark(self.name)

    def verify(self, connection: socket.socket) -> None:
        """Raise `Stranger` where other people use this machine and the other end of the connection is not of a user
        of the component, nor root, who runs Docker's proxy, nor a process that it started. Call it before a secret is
        sent, or an answer believed."""
        if not users.shared():
            return
        uid = peers.uid_of_peer(connection)
        if uid is None and self.instance.engine_record.exists():
            return  # the kernel has forwarded it into a container
        run = self.instance.run(self.name)
        if uid in {0, *run.uids}:
            return
        from facts import descent  # saves 0.3 ms wherever no other user has answered

        if not descent.reaches(connection, run):
            found = "of another user" if uid is None else f"of user {users.name(uid)}"
            raise peers.Stranger(f"a process {found} answers on {self.port}")

    def owns(self, owner: Owner | None) -> bool:
        """Whether the process that listens is one of its own."""
        return owner is not None and self.instance.owns(self.name, owner.pid)


@dataclass(frozen=True)
class InfraComponent(_Entry):
    """One entry of [infra] in one instance."""

    wants: Infra
    is_service: ClassVar[Literal[False]] = False
    """Whether engineers edit it; tells a type checker which of the two it is."""
    section: ClassVar[Literal["infra"]] = "infra"
    """Where desired_state.toml declares it."""
    uses: ClassVar[tuple[str, ...]] = ()
    movable: ClassVar[Literal[False]] = False
    once: ClassVar[Literal[False]] = False
    debug_port: ClassVar[None] = None
    retries: ClassVar[int] = 5

    @property
    def kind(self) -> str:
        """Its kind; an entry without one has the kind of its name."""
        return kinds.of_infra(self.name, self.wants.kind, self.wants.run)

    @property
    def guarded(self) -> bool:
        """Whether, as a native process, it has its port from the edge alone: where other people use this machine.

        A command that does not name its address may listen on 127.0.0.1 whatever we want.
        """
        named = (self.wants.run or "", *self.wants.env.values())
        return users.shared() and (self.wants.run is None or any(ADDRESS.search(text) for text in named))


@dataclass(frozen=True)
class ServiceComponent(_Entry):
    """One entry of [services] in one instance."""

    wants: Service
    is_service: ClassVar[Literal[True]] = True
    section: ClassVar[Literal["services"]] = "services"

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.wants.kind

    @property
    def debug_port(self) -> int | None:
        """Where its debugger would listen in this instance."""
        return None if self.wants.debug_port is None else self.instance.port(self.wants.debug_port)

    @property
    def uses(self) -> tuple[str, ...]:
        """Components that it calls while it serves; a start does not wait for them."""
        return self.wants.uses

    @property
    def movable(self) -> bool:
        """Whether ./dev chooses the address on which it listens; otherwise it always has 127.0.0.1."""
        return bool(self.port) and not self.wants.host and not self.wants.ports

    @property
    def told_host(self) -> bool:
        """Whether its command is its kind's, which passes the address on, or names the address itself."""
        own = [self.wants.dev or "", *self.wants.env.values()]
        return not self.wants.dev or any(ADDRESS.search(text) for text in own)

    @property
    def guarded(self) -> bool:
        """Whether, as a native process, it has its port from the edge alone: where other people use this machine.

        Without the edge another user could take its port while it restarts.
        """
        return self.movable and users.shared() and (self.told_host or users.declared())

    @property
    def once(self) -> bool:
        """Whether it is a task that runs to its end."""
        return self.wants.once

    @property
    def retries(self) -> int:
        """Restarts after crashes in a row before it counts as failed."""
        return self.wants.retries

    @property
    def path(self) -> Path:
        """Its source directory."""
        return self.instance.checkout / self.wants.path


Component = InfraComponent | ServiceComponent
"""One entry of [infra] or [services] in one instance; `is_service` tells which."""
