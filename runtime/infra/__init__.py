"""Infrastructure: per kind how it is embedded, what its container needs, its addresses, readiness, provisioning."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

from runtime.component import Component, InfraComponent, Launch
from runtime.platform import Platform


class InfraKind(Protocol):
    """What a kind's module offers."""

    keeps_data: bool
    """Whether something would be lost if it began anew in another placement."""

    def prepare(self, platform: Platform, component: InfraComponent) -> None:
        """Make its data directory, before the launch; safe to run again."""
        ...

    def launch(self, platform: Platform, component: InfraComponent) -> Launch:
        """How it is run natively."""
        ...

    def no_fallback(self, platform: Platform, component: InfraComponent) -> str:
        """Why the embedded one cannot stand in for the declared image, as a clause; empty if it can."""
        ...

    def variables(self, platform: Platform, component: InfraComponent) -> Mapping[str, str]:
        """What its Compose file gets besides port and image, by the end of the variable's name (`PASSWORD`)."""
        ...

    def check_volume(self, component: InfraComponent) -> None:
        """Refuse what a volume already holds before its container starts on it. DevError where it would not fit."""
        ...

    def addresses(self, platform: Platform, component: InfraComponent, host: str) -> Mapping[str, str]:
        """What `{NAME.url}`, `{NAME.address}`, `{NAME.host}` and `{NAME.port}` stand for where it is `host`."""
        ...

    def why_not(self, component: InfraComponent, timeout: float) -> str:
        """Why it cannot be used though its port accepts a connection; empty if it can."""
        ...

    def provision(self, platform: Platform, component: InfraComponent) -> None:
        """Make what is declared inside it, once it is ready and before anything that needs it."""
        ...


KINDS = {
    "postgres": "runtime.infra.postgres",
    "pubsub": "runtime.infra.pubsub",
    "command": "runtime.infra.command",
}


def kind(component: InfraComponent) -> InfraKind:
    """The module of the component's kind."""
    return cast(InfraKind, importlib.import_module(KINDS[component.kind]))


def plain_addresses(component: Component, host: str) -> dict[str, str]:
    """The addresses of anything that speaks on its one port."""
    address = f"{host}:{component.port}"
    return {"url": f"http://{address}", "address": address, "host": host, "port": str(component.port)}
