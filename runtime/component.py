"""A component as the runtime sees it: its name, kind, needs and port, whether infrastructure or service."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from converge.desired import Desired, Infra, Loaded, Ready, Service
from converge.errors import DevError, Exit
from converge.instance import Instance
from facts.ports import Owner

BESIDE = {"ide": "127.0.0.2", "native": "127.0.0.3"}
"""Where a placement's process listens while 127.0.0.1 is held for the service, so that nobody is ever refused there."""


@dataclass(frozen=True)
class Launch:
    """What a native placement runs."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    """Whose rights it gets; only root can give them away."""
    stop_signal: int = signal.SIGTERM
    """What asks it to end."""
    debug: int | None = None
    """Port of the debugger it is run under."""


@dataclass(frozen=True)
class Component:
    """One entry of [infra] or [services] in one instance."""

    name: str
    wants: Infra | Service
    instance: Instance

    @property
    def is_service(self) -> bool:
        """Whether engineers edit it."""
        return isinstance(self.wants, Service)

    @property
    def port(self) -> int | None:
        """Its one port in this instance; none for a worker."""
        return None if self.wants.port is None else self.instance.port(self.wants.port)

    @property
    def debug_port(self) -> int | None:
        """Where its debugger would listen in this instance."""
        declared = self.wants.debug_port if isinstance(self.wants, Service) else None
        return None if declared is None else self.instance.port(declared)

    @property
    def kind(self) -> str:
        """Its kind; an infra component's own name counts where it is one."""
        if self.wants.kind:
            return self.wants.kind
        return self.name if self.name in ("postgres", "pubsub") else "command"

    @property
    def ready(self) -> Ready | None:
        """How its readiness is found out, where that is declared."""
        return self.wants.ready

    @property
    def uses(self) -> tuple[str, ...]:
        """What it calls while it serves, and does not wait for."""
        return self.wants.uses if isinstance(self.wants, Service) else ()

    @property
    def movable(self) -> bool:
        """Whether it is told where to listen; one that is not has 127.0.0.1 to itself."""
        return isinstance(self.wants, Service) and bool(self.port) and not self.wants.host

    @property
    def once(self) -> bool:
        """Whether it runs to its end."""
        return isinstance(self.wants, Service) and self.wants.once

    @property
    def directory(self) -> Path:
        """What only this component of this instance writes."""
        return self.instance.run_directory(self.name)

    @property
    def log(self) -> Path:
        """Its log file."""
        return self.instance.state / "logs" / f"{self.name}.log"

    @property
    def mark(self) -> str:
        """What the run id of each of its processes starts with."""
        return self.instance.mark(self.name)

    def owns(self, owner: Owner | None) -> bool:
        """Whether the process that listens is one of its own."""
        return owner is not None and self.instance.owns(self.name, owner.pid)


def components(loaded: Loaded, instance: Instance) -> dict[str, Component]:
    """Every declared component, infrastructure first."""
    desired: Desired = loaded.desired
    found = {name: Component(name, infra, instance) for name, infra in desired.infra.items()}
    return found | {name: Component(name, service, instance) for name, service in desired.services.items()}


def chosen(all_of_them: Mapping[str, Component], names: list[str] | None) -> dict[str, Component]:
    """The named components and everything they need or use, needs first; all of them without names."""
    found: dict[str, Component] = {}
    later = list(names or all_of_them)

    def add(name: str) -> None:
        if name in found:
            return
        for need in all_of_them[name].wants.needs:
            add(need)
        found[name] = all_of_them[name]
        later.extend(all_of_them[name].uses)

    while later:
        name = later.pop(0)
        known(all_of_them, name)
        add(name)
    return found


def known(all_of_them: Mapping[str, Component], name: str) -> Component:
    """The component of that name; DevError where there is none."""
    if name not in all_of_them:
        raise DevError(
            "unknown-component",
            f"there is no component {name!r}",
            because="desired_state.toml declares " + (", ".join(all_of_them) or "none"),
            exit=Exit.USAGE,
        )
    return all_of_them[name]
