"""Where a component runs: one module per placement, chosen per component; docker and ide are still to come."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Protocol, cast

from converge.desired import Infra, Loaded
from converge.errors import DevError, Exit
from runtime.component import Component, Launch

PLACEMENTS = {"native": "runtime.placements.native"}
"""Placement -> its module."""


class Placement(Protocol):
    """What a placement's module offers; all of it is looked up, nothing is remembered."""

    def lives(self, component: Component) -> bool:
        """Whether it runs here, or somebody keeps it running."""
        ...

    def told(self, component: Component) -> dict[str, Any]:
        """What its keeper last said: state, pid, restarts, reason, hash, began; empty where there never was one."""
        ...

    def spawn(self, component: Component, launch: Launch, digest: str) -> None:
        """Start it; returns when somebody keeps it."""
        ...

    def stop(self, component: Component) -> bool:
        """End it with all it started; whether it ran."""
        ...


def name_of(loaded: Loaded, component: Component) -> str:
    """The placement the desired state asks for; DevError `placement-absent` for one that is not there yet."""
    wants = component.wants
    if isinstance(wants, Infra) and (wants.placement == "docker" or (wants.placement == "auto" and not wants.fallback)):
        raise DevError(
            "placement-absent", f"{component.name} cannot run in Docker yet",
            because=f"this version of ./dev has the placements {', '.join(PLACEMENTS)}",
            hint='let placement be "auto" with its fallback, or "native"',
            source=loaded.source(f"infra.{component.name}"), exit=Exit.BAD_STATE,
        )  # fmt: skip
    return "native"


def of(name: str) -> Placement:
    """The module of the placement."""
    return cast(Placement, importlib.import_module(PLACEMENTS[name]))


def where(component: Component) -> str:
    """The placement in which it lives now; where it lives in none, the one that would know how it ended."""
    return next((name for name in PLACEMENTS if of(name).lives(component)), "native")


def lives(component: Component) -> bool:
    """Whether it runs anywhere."""
    return any(of(name).lives(component) for name in PLACEMENTS)


def told(component: Component) -> dict[str, Any]:
    """What its keeper last said."""
    return of(where(component)).told(component)


def stop(component: Component) -> bool:
    """End it wherever it runs; whether it ran."""
    return of(where(component)).stop(component)


def spec_hash(launch: Launch, extra: str = "") -> str:
    """Changes when the component would be run differently."""
    return sha256(json.dumps([asdict(launch), extra], sort_keys=True, default=str).encode()).hexdigest()[:16]
