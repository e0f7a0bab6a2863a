"""Embedded infrastructure: one module per kind with `prepare`, `launch`, `addresses` and `provision`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

from converge.desired import Loaded
from runtime.component import Component, Launch


class InfraKind(Protocol):
    """What a kind's module offers."""

    def prepare(self, loaded: Loaded, component: Component) -> None:
        """Make its data directory, before the launch; safe to run again."""
        ...

    def launch(self, loaded: Loaded, component: Component) -> Launch:
        """How it is run."""
        ...

    def addresses(self, loaded: Loaded, component: Component) -> Mapping[str, str]:
        """What `{NAME.url}`, `{NAME.address}`, `{NAME.host}` and `{NAME.port}` stand for."""
        ...

    def ready_command(self, loaded: Loaded, component: Component) -> tuple[str, ...]:
        """A command that exits 0 when it can be used; none: its port accepts a connection."""
        ...

    def provision(self, loaded: Loaded, component: Component) -> None:
        """Make what is declared inside it, once it is ready and before anything that needs it."""
        ...


KINDS = {
    "postgres": "runtime.infra.postgres",
    "pubsub": "runtime.infra.pubsub",
    "command": "runtime.infra.command",
}


def kind(component: Component) -> InfraKind:
    """The module of the component's kind."""
    return cast(InfraKind, importlib.import_module(KINDS[component.kind]))


def plain_addresses(component: Component) -> dict[str, str]:
    """The addresses of anything that speaks on its one port."""
    address = f"127.0.0.1:{component.port}"
    return {"url": f"http://{address}", "address": address, "host": "127.0.0.1", "port": str(component.port)}
