"""Infrastructure: per kind how it is embedded, what its container needs, its addresses, readiness, provisioning."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

from converge.desired import Loaded
from runtime.component import Component, Launch


class InfraKind(Protocol):
    """What a kind's module offers."""

    keeps_data: bool
    """Whether something would be lost if it began anew in another placement."""

    def prepare(self, loaded: Loaded, component: Component) -> None:
        """Make its data directory, before the launch; safe to run again."""
        ...

    def launch(self, loaded: Loaded, component: Component) -> Launch:
        """How it is run natively."""
        ...

    def no_fallback(self, loaded: Loaded, component: Component) -> str:
        """Why the embedded one cannot stand in for the declared image, as a clause; empty if it can."""
        ...

    def variables(self, loaded: Loaded, component: Component) -> Mapping[str, str]:
        """What its Compose file gets besides port and image, by the end of the variable's name (`PASSWORD`)."""
        ...

    def check_volume(self, component: Component) -> None:
        """Refuse what a volume already holds before its container starts on it. DevError where it would not fit."""
        ...

    def addresses(self, loaded: Loaded, component: Component, host: str) -> Mapping[str, str]:
        """What `{NAME.url}`, `{NAME.address}`, `{NAME.host}` and `{NAME.port}` stand for where it is `host`."""
        ...

    def why_not(self, component: Component, timeout: float) -> str:
        """Why it cannot be used though its port accepts a connection; empty if it can."""
        ...


KINDS = {
    "postgres": "runtime.infra.postgres",
    "pubsub": "runtime.infra.pubsub",
    "command": "runtime.infra.command",
}


def kind(component: Component) -> InfraKind:
    """The module of the component's kind."""
    return cast(InfraKind, importlib.import_module(KINDS[component.kind]))


def plain_addresses(component: Component, host: str) -> dict[str, str]:
    """The addresses of anything that speaks on its one port."""
    address = f"{host}:{component.port}"
    return {"url": f"http://{address}", "address": address, "host": host, "port": str(component.port)}
