"""How each kind of service is run under its debugger, on a fixed port of 127.0.0.1, and how one attaches to it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converge import tools
from converge.desired import Loaded, Service
from converge.errors import DevError, Exit
from converge.operations import dependencies
from facts import processes
from facts.ports import HOME, owner
from runtime import journal, kinds
from runtime.component import Component, Launch
from runtime.environment import fill
from runtime.placements import native

SETTLED = 10.0
"""Seconds after which a program that delve was to begin, and that is not there, has ended."""


@dataclass(frozen=True)
class Recipe:
    """A kind's debugger."""

    debugger: str
    """What a person calls it."""
    tools: tuple[str, ...]
    """Entries of [tools] that it wants."""
    argv: Callable[[Loaded, Component, str], tuple[str, ...]]
    """What is run, the service listening on an address, its debugger for IDEs; it serves before anybody attaches."""
    jetbrains: str
    """Kind of the run configuration that attaches in a JetBrains IDE."""
    terminal: Callable[[Loaded, int], str]
    """The command of somebody without an IDE."""
    build: Callable[[Loaded, Component], tuple[str, ...]] | None = None
    """What compiles it for the debugger, before anything that runs is touched."""


@dataclass(frozen=True)
class Debugged:
    """A service under its debugger, and how to attach."""

    name: str
    debugger: str
    address: str
    attach: Mapping[str, str]
    """`vscode`, `jetbrains`, `terminal`: a name, words, a command; those that there are."""

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
    """The port of the debugger it runs under now; None if it does not run, or without one. The shim says which."""
    found = native.told(component).get("debug") if native.lives(component) else None
    return found if isinstance(found, int) else None


def recipe(component: Component) -> Recipe:
    """Its kind's recipe, with its own `debug` command where it has one; DevError where there is no way to debug it."""
    service = component.wants
    if not isinstance(service, Service) or service.once:
        raise _impossible(component, "only services that go on running can be", "")
    known = RECIPES.get(service.kind)
    if service.debug is not None:
        named = next((RECIPES[kind] for word, kind in NAMED.items() if word in service.debug), None)
        return replace(named or known or UNKNOWN, argv=_own, build=None)
    if known and not service.dev:
        return known
    because = "its own `dev` is run instead of its kind's command" if known else f"kind {service.kind} has no debugger"
    raise _impossible(component, because, 'say how with debug = "…{debug_port}…" in its entry')


def wanted(loaded: Loaded, component: Component) -> frozenset[str]:
    """The pinned tools that must be there first."""
    return frozenset(recipe(component).tools) & tools.wanted(loaded.desired).keys()


def check(loaded: Loaded, component: Component) -> None:
    """Refuse what cannot be run under a debugger; DevError says why and what helps."""
    recipe(component)
    port(component)
    if journal.record(component.instance, component.name):
        raise DevError(
            "in-your-ide", f"{component.name} is handed off to your IDE", because="that is where it is debugged",
            hint=f"take it back first: ./dev handoff {component.name} --back", exit=Exit.USAGE,
        )  # fmt: skip


def launch(loaded: Loaded, component: Component, host: str = HOME) -> Launch:
    """What a native placement runs; the service shall listen on `host`, its debugger on 127.0.0.1 in any case."""
    made = kinds.at_home(loaded, component, host)
    env = dict(made.env)
    if "debugpy" in recipe(component).tools and (library := tools.library(loaded, "debugpy")):
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (env.get("PYTHONPATH"), str(library))))
    if "delve" in recipe(component).tools and (program := tools.executable(loaded, "delve")):
        env["PATH"] = os.pathsep.join((str(program.parent), env["PATH"]))
    return replace(made, argv=recipe(component).argv(loaded, component, host), env=env, debug=port(component))


def build(loaded: Loaded, component: Component) -> tuple[str, ...] | None:
    """What compiles it first, with its own environment, in its directory; None where nothing need be."""
    needed = recipe(component).build
    return needed(loaded, component) if needed else None


def why_not(component: Component) -> str:
    """Empty when its debugger listens, else what is missing."""
    number = port(component)
    found = owner(number)
    if found is None:
        return f"its debugger does not listen on {number} yet"
    return "" if component.owns(found) else f"{found} listens on {number}"


def ended(component: Component, told: Mapping[str, Any]) -> bool:
    """Whether the program is gone that delve began and, for whoever wants to look at how, outlives."""
    young = time.time() - told.get("began", time.time()) < SETTLED
    if recipe(component).argv is not _delve or young or not processes.LINUX:
        return False
    return not processes.executes(str(_program(component)))


def attach(loaded: Loaded, component: Component) -> Debugged:
    """How an IDE or a terminal gets at it."""
    made, number = recipe(component), port(component)
    ways = {}
    if made.debugger != UNKNOWN.debugger and not component.instance.name:  # entries are of the default instance
        ways["vscode"] = f"dev: attach {component.name}"
    if made.debugger != UNKNOWN.debugger:
        ways["jetbrains"] = f"{made.jetbrains}, host {HOME}, port {number}"
    ways["terminal"] = made.terminal(loaded, number)
    return Debugged(component.name, made.debugger, f"{HOME}:{number}", ways)


def _impossible(component: Component, because: str, hint: str) -> DevError:
    what = f"{component.name} cannot be run under a debugger"
    return DevError("no-debugger", what, because=because, hint=hint, exit=Exit.USAGE)


def _own(loaded: Loaded, component: Component, host: str) -> tuple[str, ...]:
    service = component.wants
    assert isinstance(service, Service)
    return ("/bin/sh", "-c", fill(service.debug or "", loaded, component, host=host))


def _program(component: Component) -> Path:
    return component.directory / "build" / f"{component.name}.debug"


def _build_go(loaded: Loaded, component: Component) -> tuple[str, ...]:
    """Without optimisation, which hides variables and moves lines."""
    service = component.wants
    assert isinstance(service, Service)
    _program(component).parent.mkdir(parents=True, exist_ok=True)
    return ("go", "build", "-gcflags=all=-N -l", "-o", str(_program(component)), service.main)


def _delve(loaded: Loaded, component: Component, host: str) -> tuple[str, ...]:
    """One port for both protocols: VS Code speaks DAP to it, JetBrains and `dlv connect` JSON-RPC 2."""
    program = tools.executable(loaded, "delve")
    if program is None:
        raise _missing("delve", component)
    return (
        str(program), "exec", "--headless", "--api-version=2", "--accept-multiclient", "--continue",
        "--only-same-user=true", f"--listen={HOME}:{port(component)}", str(_program(component)),
    )  # fmt: skip


def _connect(loaded: Loaded, number: int) -> str:
    return f"{tools.executable(loaded, 'delve') or 'dlv'} connect {HOME}:{number}"


def _debugpy(loaded: Loaded, component: Component, host: str) -> tuple[str, ...]:
    """Without --reload, whose second process would want the port too; with Python's own modules open to breakpoints."""
    service = component.wants
    assert isinstance(service, Service)
    home = dependencies.venv(component.instance, component.name)
    if not tools.library(loaded, "debugpy") and not any(home.glob("lib/python*/site-packages/debugpy")):
        raise _missing("debugpy", component)
    return (
        str(home / "bin" / "python"), "-X", "frozen_modules=off", "-m", "debugpy", "--listen",
        f"{HOME}:{port(component)}", "-m", "uvicorn", service.app or "", "--host", host, "--port", str(component.port),
    )  # fmt: skip


def _next(loaded: Loaded, component: Component, host: str) -> tuple[str, ...]:
    """Next's own option: it gives the inspector to the process it forks, which runs the pages. With NODE_OPTIONS the
    parent takes the port and that process the one after it (next 16, `dist/cli/next-dev.js`)."""
    node, script, dev, *rest = kinds.COMMANDS["next"](loaded, component, host)
    return (node, script, dev, f"--inspect={HOME}:{port(component)}", *rest)


def _npm(loaded: Loaded, component: Component, host: str) -> tuple[str, ...]:
    """npm's node-options reach what its script runs, and not npm itself."""
    return ("/bin/sh", "-c", f"exec npm run dev --node-options=--inspect={HOME}:{port(component)}")


def _inspect(loaded: Loaded, number: int) -> str:
    return f"{tools.executable(loaded, 'node') or 'node'} inspect {HOME}:{number}"


def _missing(tool: str, component: Component) -> DevError:
    return DevError(
        "no-debugger", f"there is no {tool} to run {component.name} under", because="[tools] does not pin it",
        hint=f"add {tool} = \"…\" to [tools], then ./dev lock", exit=Exit.BAD_STATE,
    )  # fmt: skip


RECIPES: dict[str, Recipe] = {
    "go": Recipe("delve", ("delve",), _delve, "Go Remote", _connect, _build_go),
    "python": Recipe(
        "debugpy", ("debugpy",), _debugpy, "Attach to DAP", lambda _, number: f"any DAP client at {HOME}:{number}"
    ),
    "next": Recipe("node inspector", (), _next, "Attach to Node.js/Chrome", _inspect),
    "node": Recipe("node inspector", (), _npm, "Attach to Node.js/Chrome", _inspect),
}
"""Kind of service -> how it is debugged."""
NAMED = {"dlv": "go", "debugpy": "python", "--inspect": "node"}
"""Word in a service's own `debug` command -> the kind whose debugger that is."""
UNKNOWN = Recipe("its debugger", (), _own, "attach", lambda _, number: f"its client at {HOME}:{number}")
"""What is known of a `debug` command that names none of them."""
