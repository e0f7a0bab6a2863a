"""Default functions of an infra kind; the module of a kind assigns those that it needs."""

from __future__ import annotations

from collections.abc import Mapping

from facts.ports import HOME
from runtime.component import Component, InfraComponent
from runtime.platform import Platform

ready_timeout = 60.0
"""Seconds."""


def no_data(platform: Platform, component: InfraComponent) -> None:
    """It has no data directory."""


def data_directory(platform: Platform, component: InfraComponent) -> None:
    """Make an empty data directory (0700) if there is none."""
    (component.instance.data / component.name).mkdir(mode=0o700, parents=True, exist_ok=True)


def can_fall_back(platform: Platform, component: InfraComponent) -> str:
    """The native one can always replace the container."""
    return ""


def no_variables(platform: Platform, component: InfraComponent) -> Mapping[str, str]:
    """Port and image are enough."""
    return {}


def any_volume(component: InfraComponent) -> None:
    """Its container can use any content of its volume."""


def http_addresses(platform: Platform, component: InfraComponent, host: str) -> Mapping[str, str]:
    """The addresses of its only port, by HTTP."""
    return at(component, host, "http")


def port_says_it(component: InfraComponent, timeout: float) -> str:
    """It can be used as soon as its port accepts connections."""
    return ""


def moved(host: str) -> dict[str, str]:
    """The variable by which a process is known to listen on another address than 127.0.0.1."""
    return {} if host == HOME else {"HOST": host}


def at(component: Component, host: str, scheme: str) -> dict[str, str]:
    """The addresses of a component on its one port; those of a service have the scheme `http`."""
    inside = None if component.is_service or host != component.name else component.wants.container_port
    port = inside or component.port
    found = {"url": f"{scheme}://{host}:{port}", "address": f"{host}:{port}", "host": host, "port": str(port)}
    for name, number in component.ports.items():
        found |= {f"{name}_port": str(number), f"{name}_address": f"{host}:{number}"}
        found |= {f"{name}_url": f"{scheme}://{host}:{number}"}
    return found
