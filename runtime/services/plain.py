"""Default functions of a service kind; the module of a kind assigns those that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.component import ServiceComponent
from runtime.services.ide import RunConfiguration

ready_timeout = 60.0
"""Seconds."""


def by_hand(component: ServiceComponent) -> str:
    """No command is known."""
    return ""


def environment(component: ServiceComponent, placement: str) -> Mapping[str, str]:
    """No variables of its own."""
    return {}


def native_environment(component: ServiceComponent) -> Mapping[str, str]:
    """No variables of its own outside of a container."""
    return {}


def ide_environment(component: ServiceComponent, host: str) -> Mapping[str, str]:
    """HOST and PORT are enough."""
    return {}


def path(component: ServiceComponent) -> tuple[Path, ...]:
    """Only the pinned tools."""
    return ()


def test(component: ServiceComponent, report: Path | None) -> tuple[str, ...]:
    """No tests are known."""
    return ()


def leftovers(component: ServiceComponent) -> tuple[Path, ...]:
    """Nothing."""
    return ()


def vscode(component: ServiceComponent, script: str) -> Mapping[str, Any] | None:
    """No entry."""
    return None


def jetbrains(component: ServiceComponent) -> RunConfiguration | None:
    """No run configuration."""
    return None
