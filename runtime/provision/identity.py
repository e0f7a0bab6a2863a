"""Which data a service works on: the servers and databases that it needs, by identities that change with the data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from facts.value import dataclass
from runtime.component import Component, InfraComponent
from runtime.platform import Platform
from runtime.provision import having, postgres

Look = Callable[[InfraComponent], "postgres.Inside | postgres.Closed"]
NOWHERE = "none"
"""The database identity of a service without a Postgres."""


@dataclass(frozen=True)
class Data:
    """The data of one service, as far as its servers answered."""

    systems: Mapping[str, str]
    """Server -> identity of its data directory."""
    databases: tuple[str, ...]
    """Each `SYSTEM/OID`; `none` alone for a service without a Postgres."""
    complete: bool = True
    """Whether every server answered and has every database."""


def of(platform: Platform, component: Component, look: Look = postgres.look) -> Data:
    """The component's data now."""
    systems: dict[str, str] = {}
    databases: list[str] = []
    complete, any_server = True, False
    for server in servers(platform, component):
        any_server = True
        inside = look(server)
        if isinstance(inside, postgres.Closed):
            complete = False
            continue
        systems[server.name] = inside.system
        for name in _used(component, server):
            found = inside.databases.get(name)
            complete = complete and found is not None
            databases += [f"{inside.system}/{found.oid}"] if found else []
    return Data(systems, tuple(databases) if any_server else (NOWHERE,), complete)


def servers(platform: Platform, component: Component) -> list[InfraComponent]:
    """The Postgres servers that the component needs."""
    return [server for server in having(platform, "databases") if server.name in component.wants.needs]


def _used(component: Component, server: InfraComponent) -> tuple[str, ...]:
    """Databases that its environment names after the server's address; without one, all of the server."""
    text = "\n".join(component.wants.env.values())
    named = set(re.findall(r"\{" + re.escape(server.name) + r"\.(?:url|address|port)\}/([A-Za-z0-9_-]+)", text))
    return tuple(name for name in server.wants.databases if name in named) or server.wants.databases
