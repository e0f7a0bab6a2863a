"""What a start does with the inside of infrastructure: provision it, migrate, and begin again on other data."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol, cast

from converge.desired import Loaded, Service
from converge.errors import DevError
from runtime.component import Component
from runtime.provision import INSIDE, identity, migrations, notes
from runtime.provision.migrations import Place

__all__ = ["Place"]


class Inside(Protocol):
    """What the module of a kind offers."""

    def provision(self, loaded: Loaded, component: Component, say: Callable[[str], None]) -> None:
        """Make what is declared and is not there, in a component that is ready; safe to run again."""
        ...

    def provisioned(self, component: Component) -> bool:
        """Whether all that is declared is there."""
        ...


def provision(loaded: Loaded, component: Component, say: Callable[[str], None]) -> None:
    """Make what is declared inside a ready infra component. DevError where that failed, and every later look knows."""
    if component.kind not in INSIDE:
        return
    try:
        _inside(component).provision(loaded, component, say)
    except DevError as problem:
        notes.failed(component, problem)
        raise
    notes.succeeded(component)


def provisioned(component: Component) -> bool:
    """Whether all that is declared inside a ready infra component is there."""
    return component.kind not in INSIDE or _inside(component).provisioned(component)


def migrated(loaded: Loaded, component: Component) -> bool:
    """Whether the service's migration ran, and nothing that it depends on has changed since."""
    has_one = isinstance(component.wants, Service) and component.wants.migrate
    return not has_one or migrations.look(loaded, component).state != "pending"


def migrate(
    loaded: Loaded, component: Component, place: Place, say: Callable[[str], None], check: Callable[[], None]
) -> None:
    """Run the service's migration, if it has one, and note on which data it begins. DevError `migrate-failed`."""
    if isinstance(component.wants, Service):
        if component.wants.migrate:
            migrations.run(loaded, component, place, say, check)
        notes.keep_systems(component, identity.of(loaded, component).systems)


def on_other_data(loaded: Loaded, component: Component) -> str:
    """Which server's data were replaced since the service began, so that it has to begin again; else empty."""
    before = notes.systems(component)
    now = identity.of(loaded, component).systems if before else {}
    return next((name for name, system in now.items() if before.get(name, system) != system), "")


def _inside(component: Component) -> Inside:
    return cast(Inside, importlib.import_module(INSIDE[component.kind]))
