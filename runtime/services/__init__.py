"""Service kinds: per kind how it is run with hot reload, debugged, tested, and shown to an IDE."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from converge.kinds import SERVICES
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services.debugger import Debugger
from runtime.services.ide import RunConfiguration

Dialect = Literal["go", "python", "node"]
"""How the debugger of an IDE reads an env file: each of these three has its own rules."""


class ServiceKind(Protocol):
    """The interface of a module `runtime/services/KIND.py`; how to add one: docs/how-to/add-a-service-kind.md.

    Every member is asked for a component of this kind. None of them may start, stop or wait for anything: they say
    how it is done, and the callers do it. `runtime/services/plain.py` has the answers of a kind with nothing special.
    The installation of a kind's dependencies is not here but in `converge/installers/`.
    """

    ready_timeout: float
    """Seconds that a start waits for it to become ready, where its entry has no `ready.timeout`."""

    passed: tuple[str, ...]
    """Variables of the caller's environment that its tools read, such as GOPROXY; it gets no others."""

    dialect: Dialect
    """How the IDE's debugger for this language reads an env file; `node` where there is none."""

    web_front: bool
    """Whether a browser shows its pages, so that `./dev sign-in` ends there."""

    debugger: Debugger | None
    """How `./dev debug` runs it under a debugger; None if it cannot."""

    def run(self, platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
        """The command that runs it with hot reload, in its directory and with its environment.

        It has to listen on `host` and the component's port. Files that it needs are written below
        `component.directory`, which belongs to this component of this instance. DevError where a tool is missing.
        """
        ...

    def by_hand(self, component: ServiceComponent) -> str:
        """The shell command that runs it without hot reload, with `$HOST` and `$PORT` set; empty if unknown.

        An engineer types it after a hand-off, and an IDE runs it. It names no path of this machine.
        """
        ...

    def environment(self, component: ServiceComponent, placement: str) -> Mapping[str, str]:
        """Variables that every process of it gets; [env] and the entry's own `env` have priority."""
        ...

    def native_environment(self, component: ServiceComponent) -> Mapping[str, str]:
        """Variables that it gets only outside of a container, as they are for the tools of this machine."""
        ...

    def ide_environment(self, component: ServiceComponent, host: str) -> Mapping[str, str]:
        """Variables that a process started by hand or by an IDE gets in addition, to listen on `host`."""
        ...

    def path(self, component: ServiceComponent) -> tuple[Path, ...]:
        """Directories on its PATH before the pinned tools."""
        ...

    def test(self, component: ServiceComponent, report: Path | None) -> tuple[str, ...]:
        """The command of its tests, run in its directory; empty if none is known.

        `report` is a file for results as JUnit XML, for a runner that can write it.
        """
        ...

    def leftovers(self, component: ServiceComponent) -> tuple[Path, ...]:
        """What its tools leave in its directory and `./dev clean` removes, if dependencies were installed there."""
        ...

    def vscode(self, component: ServiceComponent, script: str) -> Mapping[str, Any] | None:
        """Keys of the launch.json entry that runs it under VS Code's debugger, except the name, the environment
        and the tasks before and after; None where there is no such entry.

        `script` is what a shell runs by hand: its own `dev`, else `by_hand`; empty where neither is known.
        """
        ...

    def jetbrains(self, component: ServiceComponent) -> RunConfiguration | None:
        """The run configuration that debugs it in an IDE of JetBrains; None without one."""
        ...


def kind(component: ServiceComponent) -> ServiceKind:
    """The module of the component's kind."""
    return load(component.kind)


def load(name: str) -> ServiceKind:
    """The module of a kind, one of the keys of `converge.kinds.SERVICES`."""
    return cast(ServiceKind, importlib.import_module(f"runtime.services.{name}"))


def passed() -> frozenset[str]:
    """Variables of the caller's environment that the tools of any kind read."""
    return frozenset(name for kind in SERVICES for name in load(kind).passed)
