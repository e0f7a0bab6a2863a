"""IDE placement: the engineer's own process, which nobody here starts; its port says whether it is there."""

from __future__ import annotations

import signal
import time

from converge import ending
from converge.instance import EDGE
from facts import processes
from facts.ports import HOME, Owner, owner
from runtime.component import Component
from runtime.handoff import record
from runtime.placements.seen import Seen

PORT_TIMEOUT = 10.0
"""Seconds a process of the IDE has to let its port go when it was asked to."""


def look(component: Component) -> Seen:
    """Handed off: whether a process listens, and which."""
    entry = record.record(component.instance, component.name)
    if entry is None or entry.state == "FLIPPING_OUT":
        return Seen("ide")
    there = listener(component)
    return Seen("ide", True, "running", pid=there.pid or None if there else None, began=entry.since)


def listener(component: Component) -> Owner | None:
    """Who listens where its process is waited for, if that is not our own edge."""
    found = owner(component.port, host(component)) if component.port else None
    return None if found is None or component.instance.owns(EDGE, found.pid) else found


def stranger(component: Component) -> Owner | None:
    """Who has the service's own port and is neither our edge nor a process of the service."""
    found = owner(component.port) if component.port else None
    ours = found is not None and (component.instance.owns(EDGE, found.pid) or component.owns(found))
    return None if ours else found


def host(component: Component) -> str:
    """Address on which its process is waited for."""
    entry = record.record(component.instance, component.name)
    return entry.host if entry else HOME


def halt(component: Component) -> bool:
    """Ask the process that listens to end, if it was started with the service's environment, which marks it; whether
    its port is free afterwards. Nobody else's process is touched: that one its debugger ends."""
    there = listener(component)
    among = processes.table()
    process = among.get(there.pid) if there and there.pid else None
    if there and process and processes.belongs(process, processes.Run(mark(component), processes.uids()), among):
        ending.send(process, signal.SIGTERM)
        deadline = time.monotonic() + PORT_TIMEOUT
        while (now := listener(component)) and now.pid == there.pid and time.monotonic() < deadline:
            time.sleep(0.01)
    return listener(component) is None


def mark(component: Component) -> str:
    """What its process carries if it was started with the service's environment."""
    return component.mark + processes.BY_IDE


def stop(component: Component) -> bool:
    """The hand-off is over; the process is its owner's."""
    handed_off = record.record(component.instance, component.name) is not None
    record.forget(component.instance, component.name)
    return handed_off
