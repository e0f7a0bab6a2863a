"""Where a component runs: one module per placement, chosen per component by `choice.py`."""

from __future__ import annotations

import importlib
import json
from hashlib import sha256
from typing import Protocol, cast

from runtime.component import Component, Launch
from runtime.placements.seen import Seen, lost

PLACEMENTS = {
    "native": "runtime.placements.native", "docker": "runtime.placements.docker", "ide": "runtime.placements.ide",
}  # fmt: skip
"""Placement -> its module."""


class Placement(Protocol):
    """The functions of a placement's module; they look everything up and store nothing."""

    def look(self, component: Component) -> Seen:
        """The state of the component now."""
        ...

    def halt(self, component: Component) -> bool:
        """Stop it with all its child processes; whether it ran."""
        ...

    def stop(self, component: Component) -> bool:
        """Stop it, and delete what the next start makes again; whether it ran."""
        ...


def of(name: str) -> Placement:
    """The module of the placement."""
    return cast(Placement, importlib.import_module(PLACEMENTS[name]))


def look(component: Component) -> Seen:
    """Its state in the placement where it runs; if it runs in none, in the one that knows how it ended."""
    if component.instance.handed(component.name).exists() and (handed_off := of("ide").look(component)).lives:
        return handed_off
    native = of("native").look(component)
    if native.lives or not component.instance.engine_record.exists():
        return native
    in_docker = of("docker").look(component)
    return in_docker if in_docker.lives or in_docker.state != "absent" else native


def certain(component: Component) -> Seen:
    """The same, before it is stopped or moved; DevError if its engine does not answer."""
    seen = look(component)
    if seen.state == "lost":
        raise lost(f"it is not known where {component.name} runs", seen.reason)
    return seen


def where(component: Component) -> str:
    """The placement in which it runs, or in which it ended."""
    return look(component).placement


def lives(component: Component) -> bool:
    """Whether it runs anywhere."""
    return look(component).lives


def halt(component: Component) -> bool:
    """Stop it in any placement, to start it again; whether it ran."""
    return of(where(component)).halt(component)


def stop(component: Component) -> bool:
    """Stop it in any placement; whether it ran."""
    return of(where(component)).stop(component)


def spec_hash(launch: Launch, extra: str = "") -> str:
    """Changes when the component would be run differently."""
    return sha256(json.dumps([vars(launch), extra], sort_keys=True, default=str).encode()).hexdigest()[:16]
