"""What a start does with the inside of infrastructure: provision it, migrate, and begin again on other data."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol, cast

from converge.errors import DevError
from runtime.component import InfraComponent, ServiceComponent
from runtime.platform import Platform
from runtime.provision import INSIDE, identity, migrations, notes
from runtime.provision.migrations import Place

__all__ = ["Place"]


class Inside(Protocol):
    """What the module of a kind offers."""

    def provision(self, platform: Platform, component: InfraComponent, say: Callable[[str], None]) -> None:
        """Make what is declared and is not there, in a component that is ready; safe to run again."""
        ...


def provision(platform: Platform, component: InfraComponent, say: Callable[[str], None]) -> None:
    """Make what is declared inside a ready infra component. DevError where that failed, and every later look knows."""
    if component.kind not in INSIDE:
        return
    try:
        _inside(component).provision(platform, component, say)
    except DevError as problem:
        notes.failed(component, problem)
        raise
    notes.succeeded(component)


def migrated(platform: Platform, component: ServiceComponent) -> bool:
    """Whether the service's migration ran, and nothing that it depends on has changed since."""
    return not component.wants.migrate or migrations.look(platform, component).state != "pending"


def migrate(
    platform: Platform, component: ServiceComponent, place: Place, say: Callable[[str], None], check: Callable[[], None]
) -> None:
    """Run the service's migration, if it has one. DevError `migrate-failed`."""
    if component.wants.migrate:
        migrations.run(platform, component, place, say, check)


def begins(platform: Platform, component: ServiceComponent) -> None:
    """The service is about to be started: note on which data it begins."""
    notes.keep_systems(component, identity.of(platform, component).systems)


def on_other_data(platform: Platform, component: ServiceComponent) -> bool:
    """Whether a server that it needs has other data than when it began, so that it has to begin again."""
    before = notes.systems(component)
    now = identity.of(platform, component).systems if before else {}
    return any(before.get(name, system) != system for name, system in now.items())


def _inside(component: InfraComponent) -> Inside:
    return cast(Inside, importlib.import_module(INSIDE[component.kind]))
