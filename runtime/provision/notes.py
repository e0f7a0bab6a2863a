"""What provisioning leaves on disk: why it failed, what a migration ran with, which data a component began on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import atomic
from converge.errors import DevError
from runtime.component import Component
from runtime.provision import INSIDE

Stamp = Mapping[str, Any]
"""What a migration ran with: `command`, `environment` (a hash) and `files` (path -> hash)."""


def failed(component: Component, problem: DevError) -> None:
    """Note that the component is not usable, so that no later look calls it ready."""
    atomic.write(_failure(component), json.dumps({"because": _sentence(problem), "hint": problem.hint}))


def succeeded(component: Component) -> None:
    """Forget an earlier failure."""
    _failure(component).unlink(missing_ok=True)


def trouble(component: Component) -> str:
    """Why it is not usable though it may run: its provisioning or migration failed, with what helps; else empty."""
    has_any = component.wants.migrate if component.is_service else component.kind in INSIDE
    found = _read(_failure(component)) if has_any else {}
    if not found:
        return ""
    hint = found.get("hint")
    return f"{found.get('because', 'its provisioning failed')}{f' ({hint})' if hint else ''}"


def stamps(component: Component) -> dict[str, Stamp]:
    """Database (see `identity.py`) -> what its last migration there ran with."""
    found = _read(_state(component, "migrated"))
    return {key: value for key, value in found.items() if isinstance(value, dict)}


def stamp(component: Component, known: Mapping[str, Stamp]) -> None:
    """Replace what is known of its migrations."""
    atomic.write(_state(component, "migrated"), json.dumps(known, sort_keys=True))


def systems(component: Component) -> dict[str, str]:
    """Database server -> identity of the data that were in it when the component began (or of its own data)."""
    return {key: str(value) for key, value in _read(_state(component, "systems")).items()}


def keep_systems(component: Component, known: Mapping[str, str]) -> None:
    """Note which data it begins on."""
    if known != systems(component):
        atomic.write(_state(component, "systems"), json.dumps(known, sort_keys=True))


def forget(component: Component) -> None:
    """Its data were given up on purpose; what comes next is no surprise."""
    _state(component, "systems").unlink(missing_ok=True)


def _failure(component: Component) -> Path:
    return component.directory / "provision.json"


def _state(component: Component, what: str) -> Path:
    return component.instance.state / what / f"{component.name}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _sentence(problem: DevError) -> str:
    return f"{problem.what}: {problem.because}" if problem.because else problem.what
