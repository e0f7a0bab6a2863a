"""IDE placement: the engineer's own process, which ./dev never starts; its port shows whether it runs."""

from __future__ import annotations

import os
import signal
import time

from converge import ending
from converge.instance import EDGE
from facts import peers, processes, users
from facts.ports import HOME, Owner, owner
from runtime.component import Component
from runtime.handoff import record
from runtime.placements.seen import Seen

PORT_TIMEOUT = 10.0
"""Seconds in which a process of the IDE must release its port after it was asked to end."""


def look(component: Component) -> Seen:
    """Handed off: whether a process listens, and which."""
    entry = record.record(component.instance, component.name)
    if entry is None or entry.state == "FLIPPING_OUT":
        return Seen("ide")
    there = None if stranger_there(component) else listener(component)
    return Seen("ide", True, "running", pid=there.pid or None if there else None, began=entry.since)


def stranger_there(component: Component) -> str:
    """The process of another user that listens on the address of the handed-off service, in words; empty if none does,
    or if no other person uses this machine."""
    uid = peers.uid_of_listener(host(component), component.port) if component.port else None
    if uid in (None, 0, os.getuid()) or not users.shared():
        return ""
    return f"a process of user {users.name(uid)} listens on {host(component)}:{component.port}"


def listener(component: Component) -> Owner | None:
    """The process that listens on the address of the handed-off service, if it is not the edge."""
    found = owner(component.port, host(component)) if component.port else None
    return None if found is None or component.instance.owns(EDGE, found.pid) else found


def stranger(component: Component) -> Owner | None:
    """The process that has the service's own port and is neither the edge nor one of the service."""
    found = owner(component.port) if component.port else None
    ours = found is not None and (component.instance.owns(EDGE, found.pid) or component.owns(found))
    return None if ours else found


def host(component: Component) -> str:
    """Address on which its process must listen."""
    entry = record.record(component.instance, component.name)
    return entry.host if entry else HOME


def halt(component: Component) -> bool:
    """Ask the listening process to end if it was started with the service's environment, which marks it; whether its
    port is free afterwards. Processes without the mark are not signalled: the IDE ends those."""
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
    """The run id of its process if that was started with the service's environment."""
    return component.mark + processes.BY_IDE


def stop(component: Component) -> bool:
    """End the hand-off; the process is not signalled. Whether it was handed off."""
    handed_off = record.record(component.instance, component.name) is not None
    record.forget(component.instance, component.name)
    return handed_off
