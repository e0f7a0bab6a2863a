"""The ports of a start: their owners are looked up before anything is downloaded, and again before each launch."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Mapping

from converge import ending
from converge.errors import DevError
from facts import containers
from facts.engine import EngineError
from facts.ports import HOME, Owner, owner, owners
from facts.processes import Process, ends
from runtime import placements
from runtime.component import Component
from runtime.docker import subnet
from runtime.platform import Platform
from runtime.routes import owner_map

IN_USE = re.compile("address (is )?(already )?in use|EADDRINUSE", re.IGNORECASE)
LEFT_OVER_TIMEOUT = 5.0
"""Seconds in which a process of an earlier run must release its port."""


def check(platform: Platform, wanted: Mapping[str, Component]) -> dict[str, DevError]:
    """Component -> why it cannot have its port; all ports are looked up at once, so that all conflicts are reported.

    A component that runs or is handed off has its port. Processes of an earlier run are not a conflict.
    """
    ports = {number: (name, key) for name, each in wanted.items() for key, number in declared(each)}
    found = {}
    for port, seen in owners(list(ports)).items():
        name, key = ports[port]
        component = wanted[name]
        if seen is None or _ours(component, seen) or component.instance.handed(component.name).exists():
            continue
        if placements.lives(component):
            continue
        left = _listener(component, port, HOME)
        if left and not _ours(component, left) and not _proxy(component, left.pid):
            found[name] = taken(platform, component, port, key, left)
    return found


def declared(component: Component) -> list[tuple[str, int]]:
    """Key and number of each port on which it listens, without that of its debugger."""
    own = [("port", component.port)] if component.port else []
    return own + [(f"ports.{name}", number) for name, number in component.ports.items()]


def clear(
    platform: Platform,
    component: Component,
    port: int | None,
    host: str = HOME,
    key: str = "port",
    spared: Component | None = None,
) -> None:
    """End what an earlier run of this component left on its port; DevError `port-taken` if another process has it.

    A process of the component `spared` may keep the port.
    """
    if not port:
        return
    deadline = time.monotonic() + LEFT_OVER_TIMEOUT
    while (found := _listener(component, port, host)) and component.owns(found) and time.monotonic() < deadline:
        _send(found, signal.SIGKILL if time.monotonic() > deadline - 2 else signal.SIGTERM)
        time.sleep(0.05)
    if found and _orphan(component, found.pid):
        while owner(port, host) and time.monotonic() < deadline:
            _send(found, signal.SIGTERM)
            time.sleep(0.05)
        found = owner(port, host)
    if found and not (spared and spared.owns(found)):
        raise taken(platform, component, port, key, found)


def lingering(port: int | None, host: str, words: str) -> str:
    """The hint for a component that says that its port is in use while no process listens there; else empty.

    The kernel keeps the port of closed connections for a minute, and refuses it to who does not set SO_REUSEADDR.
    Source: tcp(7), TIME_WAIT.
    """
    if not port or not IN_USE.search(words) or owner(port, host):
        return ""
    return (
        f"; nothing listens on port {port}: the system keeps it for a minute after the last connections were closed, "
        "so wait, or let the program set SO_REUSEADDR before it binds"
    )


def _send(found: Owner, number: int) -> None:
    """Signal exactly the process that was found to listen; nothing happens if it is another user's."""
    ending.send(Process(found.pid, found.start, 0, 0), number)


def taken(platform: Platform, component: Component, port: int, key: str, found: Owner) -> DevError:
    """The error for a port of the component on which another process listens."""
    at = f"{component.section}.{component.name}.{key}"
    who: containers.Container | Owner = found
    with contextlib.suppress(EngineError):
        who = containers.publishers().get(port) or found
    left = component.owns(found)
    whose = "belongs to another checkout or instance of ./dev" if found.mark else "is not ours"
    whose = "was left over by an earlier run and does not end" if left else whose
    beside = ", or run this one beside it: ./dev --instance two start" if found.mark else ""
    what = f"{component.name}'s debugger" if key == "debug_port" else component.name
    return DevError(
        "port-taken", f"port {port} of {what} is taken", because=f"{who} listens there and {whose}",
        hint=f"stop it, or change {at}{beside}", source=platform.source(component, key),
    )  # fmt: skip


def _ours(component: Component, found: Owner) -> bool:
    """Whether it is a process of the component, or the edge that listens for it."""
    return component.owns(found) or owner_map.edge(component.instance).owns(found)


def _listener(component: Component, port: int, host: str) -> Owner | None:
    """The process that listens there; a process that is ending is waited for, as its owner cannot be looked up."""
    began = time.monotonic()
    while (found := owner(port, host)) and not found.mark and time.monotonic() < began + (2 if found.pid else 0.2):
        if found.pid and (not ends(found.pid) or component.owns(found)):
            break
        time.sleep(0.05)
    return found


def _proxy(component: Component, pid: int) -> bool:
    """Whether it is Docker's proxy for a container of this instance."""
    address = containers.proxied(pid)
    return bool(address) and subnet.ours(component.instance, address)


def _orphan(component: Component, pid: int) -> bool:
    """Whether a killed engine left it: the proxy of a container of this instance, while no container has the port."""
    try:
        return _proxy(component, pid) and component.port not in containers.publishers()
    except EngineError:
        return False
