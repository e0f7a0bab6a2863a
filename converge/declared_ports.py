"""Every port that a desired state declares, and the words that stand for the named ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from converge.desired import Desired, Infra, Service
from facts.value import dataclass

PARTS = ("port", "address", "url")
"""What a named port has: `{X.grpc_port}`, `{X.grpc_address}`, `{X.grpc_url}`."""


@dataclass(frozen=True)
class Declared:
    """One port of a component."""

    component: str
    key: str
    """Dotted key of the desired state."""
    number: int
    name: str = ""
    """Of a named one: `grpc`; `debug` for that of the debugger; empty for the component's `port`."""

    @property
    def debug(self) -> bool:
        """Whether a debugger listens there."""
        return self.key.endswith(".debug_port")


def of(desired: Desired) -> Iterator[Declared]:
    """All of them; of a service first its own, then the named ones, then that of its debugger."""
    for name, infra in desired.infra.items():
        yield Declared(name, f"infra.{name}.port", infra.port)
    for name, service in desired.services.items():
        key = f"services.{name}"
        if service.port is not None:
            yield Declared(name, f"{key}.port", service.port)
        yield from (Declared(name, f"{key}.ports.{each}", number, each) for each, number in service.ports.items())
        if service.debug_port:
            yield Declared(name, f"{key}.debug_port", service.debug_port, "debug")


def named(wants: Infra | Service) -> Mapping[str, int]:
    """The named ports of one entry."""
    return wants.ports if isinstance(wants, Service) else {}


def words(wants: Infra | Service) -> tuple[str, ...]:
    """What others ask for them by: `grpc_port`, `grpc_address`, `grpc_url`."""
    return tuple(f"{name}_{part}" for name in named(wants) for part in PARTS)
