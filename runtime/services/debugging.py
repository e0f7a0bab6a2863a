"""Run a service under the debugger of its kind, on a fixed port of 127.0.0.1, and describe how to attach."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from converge import tools
from converge.errors import DevError, Exit
from converge.kinds import SERVICES
from facts import processes
from facts.ports import HOME, Owner, owner
from facts.value import dataclass, replace
from runtime import services
from runtime.component import Component, Launch, ServiceComponent
from runtime.environment import fill
from runtime.handoff import record
from runtime.placements import native
from runtime.placements.seen import Seen
from runtime.platform import Platform
from runtime.services import launch as native_services
from runtime.services.debugger import Debugger, missing

SETTLED = 10.0
"""Seconds after which a program counts as ended that its debugger should have started and that does not run."""


@dataclass(frozen=True)
class Debugged:
    """A service under its debugger, and how to attach."""

    name: str
    debugger: str
    address: str
    attach: Mapping[str, str]
    """`vscode`, `jetbrains`, `terminal` -> name, description or command; only those that exist."""

    def document(self) -> dict[str, Any]:
        """The document of `./dev debug --json`."""
        return {
            "schema": 1, "name": self.name, "debugger": self.debugger, "address": self.address,
            "attach": dict(self.attach),
        }  # fmt: skip


def port(component: Component) -> int:
    """Where its debugger listens in this instance; DevError for a service that has no such port."""
    if component.debug_port is None:
        raise _impossible(component, "it has no port for its debugger", "set debug_port in its entry")
    return component.debug_port


def under(component: Component) -> int | None:
    """The port of the debugger under which it runs, by its shim's record; None without a debugger."""
    seen = native.look(component)
    return seen.debug if seen.lives else None


def recipe(component: Component) -> Debugger:
    """Its kind's debugger, run by its own `debug` command if it has one; DevError if it cannot be debugged."""
    if not component.is_service or component.once:
        raise _impossible(component, "only services that keep running can be", "")
    service = component.wants
    known = services.kind(component).debugger
    if service.debug is not None:
        found = _named(service.debug) or known or UNKNOWN
        return replace(found, run=partial(_own, found), build=None, executable=None)
    if known and not service.dev:
        return known
    because = (
        "it is run by a `dev`, of its own or of a kind that is a table"
        if known
        else f"kind {service.kind} has no debugger"
    )
    raise _impossible(component, because, 'declare the command with debug = "…{debug_port}…" in its entry')


def wanted(platform: Platform, component: Component) -> frozenset[str]:
    """The pinned tools that must be installed first."""
    return frozenset(recipe(component).tools) & tools.wanted(platform.desired).keys()


def check(platform: Platform, component: Component) -> None:
    """Raise DevError, with reason and hint, if it cannot be run under a debugger."""
    recipe(component)
    port(component)
    if record.record(component.instance, component.name):
        raise DevError(
            "in-your-ide", f"{component.name} is handed off to your IDE", because="it is debugged there",
            hint=f"take it back first: ./dev handoff {component.name} --back", exit=Exit.USAGE,
        )  # fmt: skip


def launch(platform: Platform, component: ServiceComponent, host: str = HOME) -> Launch:
    """What the native placement runs: the service listens on `host`, its debugger always on 127.0.0.1."""
    made = native_services.at_home(platform, component, host)
    env = dict(made.env)
    found, number = recipe(component), port(component)
    if found.library and (library := tools.library(platform.loaded, found.library)):
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (env.get("PYTHONPATH"), str(library))))
    if found.program and (program := tools.executable(platform.loaded, found.program)):
        env["PATH"] = os.pathsep.join((str(program.parent), env["PATH"]))
    return replace(made, argv=found.run(platform, component, host, number), env=env, debug=number)


def build(component: ServiceComponent) -> tuple[str, ...] | None:
    """The command that compiles it first, in its directory with its environment; None if none is needed."""
    needed = recipe(component).build
    return needed(component) if needed else None


def why_not(component: Component) -> str:
    """Why its debugger does not listen yet; empty if it does."""
    number = port(component)
    found = owner(number)
    return _other(component, number, found) if found else f"its debugger does not listen on {number} yet"


def other_there(component: Component) -> str:
    """The process that listens on its debugger's port and is not one of its own, in words; empty if there is none."""
    number = port(component)
    found = owner(number)
    return _other(component, number, found) if found else ""


def _other(component: Component, number: int, found: Owner) -> str:
    return "" if component.owns(found) else f"{found} listens on {number}"


def ended(component: Component, seen: Seen) -> bool:
    """Whether the program has ended while its debugger still runs, so that the end can be inspected."""
    executable = recipe(component).executable
    young = seen.age is None or seen.age < SETTLED
    if executable is None or not component.is_service or young or not processes.LINUX:
        return False
    return not processes.executes(str(executable(component)))


def attach(platform: Platform, component: Component) -> Debugged:
    """How an IDE or a terminal attaches to it."""
    made, number = recipe(component), port(component)
    ways = {}
    if made.name != UNKNOWN.name and not component.instance.name:  # entries are of the default instance
        ways["vscode"] = f"dev: attach {component.name}"
    if made.name != UNKNOWN.name:
        ways["jetbrains"] = f"{made.attach}, host {HOME}, port {number}"
    ways["terminal"] = made.terminal(platform, number)
    return Debugged(component.name, made.name, f"{HOME}:{number}", ways)


def _impossible(component: Component, because: str, hint: str) -> DevError:
    what = f"{component.name} cannot be run under a debugger"
    return DevError("no-debugger", what, because=because, hint=hint, exit=Exit.USAGE)


def _named(command: str) -> Debugger | None:
    """The debugger that a service's own `debug` command uses."""
    known = (services.load(kind).debugger for kind in SERVICES)
    return next((each for each in known if each and each.word and each.word in command), None)


def _own(
    debugger: Debugger, platform: Platform, component: ServiceComponent, host: str, number: int
) -> tuple[str, ...]:
    text = component.wants.debug or ""
    if debugger.lacking and debugger.lacking(platform, component, text):
        raise missing(debugger.library, component)
    before, text = debugger.guarded(number, text) if debugger.guarded else ((), text)
    return (*before, "/bin/sh", "-c", fill(text, platform, component, host=host))


def _unknown(platform: Platform, component: ServiceComponent, host: str, number: int) -> tuple[str, ...]:
    return ("/bin/sh", "-c", fill(component.wants.debug or "", platform, component, host=host))


UNKNOWN = Debugger(
    name="its debugger", run=_unknown, attach="attach", terminal=lambda _, number: f"its client at {HOME}:{number}"
)  # fmt: skip
"""For a `debug` command that names no known debugger."""
