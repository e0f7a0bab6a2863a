"""Records of provisioning on disk: failures, the inputs of migrations, the data with which a component started."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import atomic, own_files
from converge.errors import DevError
from runtime.component import Component
from runtime.provision import INSIDE

Stamp = Mapping[str, Any]
"""The inputs of a migration: `command`, `environment` (a hash) and `files` (path -> hash)."""


def failed(component: Component, problem: DevError) -> None:
    """Record that the component is not usable, so that later looks do not report it as ready."""
    atomic.write(_failure(component), json.dumps({"because": _sentence(problem), "hint": problem.hint}))


def succeeded(component: Component) -> None:
    """Delete the record of an earlier failure."""
    _failure(component).unlink(missing_ok=True)


def trouble(component: Component) -> str:
    """Why it is not usable although it may run: the failure of its provisioning or migration, with hint; else empty."""
    has_any = component.wants.migrate if component.is_service else component.kind in INSIDE
    found = _read(_failure(component)) if has_any else {}
    if not found:
        return ""
    hint = found.get("hint")
    return f"{found.get('because', 'its provisioning failed')}{f' ({hint})' if hint else ''}"


def stamps(component: Component) -> dict[str, Stamp]:
    """Database (see `identity.py`) -> the inputs of its last migration there."""
    found = _read(_state(component, "migrated"))
    return {key: value for key, value in found.items() if isinstance(value, dict)}


def stamp(component: Component, known: Mapping[str, Stamp]) -> None:
    """Replace the records of its migrations."""
    atomic.write(_state(component, "migrated"), json.dumps(known, sort_keys=True))


def systems(component: Component) -> dict[str, str]:
    """Database server -> identity of its data when the component started (or of its own data)."""
    return {key: str(value) for key, value in _read(_state(component, "systems")).items()}


def keep_systems(component: Component, known: Mapping[str, str]) -> None:
    """Record the data with which it starts."""
    if known != systems(component):
        atomic.write(_state(component, "systems"), json.dumps(known, sort_keys=True))


def forget(component: Component) -> None:
    """Delete the record of its data after a reset, so that new data are not reported."""
    _state(component, "systems").unlink(missing_ok=True)


def _failure(component: Component) -> Path:
    return component.directory / "provision.json"


def _state(component: Component, what: str) -> Path:
    return component.instance.state / what / f"{component.name}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = own_files.document(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _sentence(problem: DevError) -> str:
    return f"{problem.what}: {problem.because}" if problem.because else problem.what
