"""Steps of a start for the content of infrastructure: provision, migrate, restart services on replaced data."""

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
    """The interface of a module in `INSIDE`."""

    def provision(self, platform: Platform, component: InfraComponent, say: Callable[[str], None]) -> None:
        """Make what is declared and does not exist, in a ready component; safe to run again."""
        ...


def provision(platform: Platform, component: InfraComponent, say: Callable[[str], None]) -> None:
    """Make what is declared inside a ready infra component. DevError if that fails; the failure is recorded."""
    if component.kind not in INSIDE:
        return
    try:
        _inside(component).provision(platform, component, say)
    except DevError as problem:
        notes.failed(component, problem)
        raise
    notes.succeeded(component)


def migrated(platform: Platform, component: ServiceComponent) -> bool:
    """Whether the service's migration ran, and none of its inputs has changed since."""
    return not component.wants.migrate or migrations.look(platform, component).state != "pending"


def migrate(
    platform: Platform, component: ServiceComponent, place: Place, say: Callable[[str], None], check: Callable[[], None]
) -> None:
    """Run the service's migration, if it has one. DevError `migrate-failed`."""
    if component.wants.migrate:
        migrations.run(platform, component, place, say, check)


def begins(platform: Platform, component: ServiceComponent) -> None:
    """Record the data with which the service is about to be started."""
    notes.keep_systems(component, identity.of(platform, component).systems)


def on_other_data(platform: Platform, component: ServiceComponent) -> bool:
    """Whether a server that it needs has other data than at its start, so that it must be restarted."""
    before = notes.systems(component)
    now = identity.of(platform, component).systems if before else {}
    return any(before.get(name, system) != system for name, system in now.items())


def _inside(component: InfraComponent) -> Inside:
    return cast(Inside, importlib.import_module(INSIDE[component.kind]))
