"""The placement to which a service returns when it leaves its debugger, under which it runs natively."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from converge import atomic, own_files
from runtime.component import Component, ServiceComponent
from runtime.placements.choice import Asked
from runtime.placements.seen import Seen
from runtime.services import debugging


def keep(component: Component, placement: str) -> None:
    """Record where it returns."""
    if placement in ("docker", "native"):
        atomic.write(_note(component), placement + "\n")


def leave(component: Component, seen: Seen) -> None:
    """Before it is debugged: record where it runs, unless it is under its debugger already."""
    if seen.debug is None:
        keep(component, seen.placement if seen.lives else component.wants.placement)


def ask(wanted: Mapping[str, Component], asked: Asked) -> None:
    """A start moves no service that is debugged: record where the start would have put it."""
    for name, component in wanted.items():
        if name not in asked.stay and _note(component).exists() and debugging.under(component):
            keep(component, asked.services or component.wants.placement)


def of(component: Component) -> str:
    """Where it returns: `docker` or `native`."""
    try:
        noted = own_files.text(_note(component)).strip()
    except OSError:
        noted = ""
    return "docker" if noted == "docker" else "native"


def again(services: Mapping[str, ServiceComponent], found: Mapping[str, Seen]) -> dict[str, str]:
    """Service that was found running -> where to start it again after everything was stopped, which ends hand-offs."""
    living = {name: found[name] for name in services if found[name].lives and found[name].placement != "ide"}
    return {name: of(services[name]) if seen.debug else seen.placement for name, seen in living.items()}


def _note(component: Component) -> Path:
    return component.instance.state / "debugged" / component.name
