"""Move a service between placements while its name and port stay; the next command resumes an interrupted move.

`DOCKER -> FLIPPING_OUT -> IDE_WAIT -> IDE -> DOCKER_STARTING -> FLIPPING_IN -> DOCKER`; IDE_WAIT and IDE are one
state of the record, as whether a process listens is looked up. After a failure before a flip, callers still reach the
earlier placement.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from converge.errors import DevError, Exit
from facts.engine import EngineError
from facts.ports import HOME
from facts.value import dataclass, field, replace
from runtime import editors, health, placements
from runtime.component import LOOPBACK_FOR, Component, ServiceComponent
from runtime.handoff import record
from runtime.handoff.record import Record
from runtime.placements import docker, ide, native
from runtime.placements.choice import Asked
from runtime.platform import Platform
from runtime.routes import owner_map, switch
from runtime.start import start

Listener = Callable[[str, str, float], None]


@dataclass(frozen=True)
class Moved:
    """Where a service is now."""

    name: str
    placement: str
    port: int
    waits: str = ""
    """What the move still waits for; empty if it is complete."""
    until: float | None = None
    written: editors.Written = field(default_factory=editors.Written)
    """Files and command with which an IDE, or a user without one, starts it."""

    def document(self) -> dict[str, Any]:
        """Its entry in `./dev handoff --json`."""
        return {
            "name": self.name, "placement": self.placement, "address": f"127.0.0.1:{self.port}",
            "waits_for": self.waits or None, "until": self.until, "env_file": self.written.env_file or None,
            "command": self.written.command or None, "files": list(self.written.files),
        }  # fmt: skip


def move(
    platform: Platform,
    name: str,
    to: str,
    on_event: Listener,
    until: float | None = None,
    same_address: bool = False,
) -> Moved:
    """Move the service to the placement `ide`, `native` or `docker`, from any placement.

    An IDE's process listens on another loopback address than 127.0.0.1, where the edge makes callers wait, unless it
    needs the `same_address`.
    """
    component = _movable(platform, name)
    if to == "ide":
        return _hand_off(platform, component, until, same_address)
    if record.record(platform.instance, name):
        return give_back(platform, name, on_event, to)
    _start(platform, name, to, on_event)
    owner_map.settle(platform)
    return _moved(component, to)


def give_back(platform: Platform, name: str, on_event: Listener, to: str | None = None) -> Moved:
    """Return the service to the placement it came from, or to another one; DevError if it was not handed off."""
    instance = platform.instance
    component = _movable(platform, name)
    entry = record.record(instance, name)
    if entry is None:
        raise DevError(
            "not-handed-off", f"{name} is not handed off", because=f"it is in placement {placements.where(component)}",
            hint=f"./dev handoff {name} hands it to your IDE", exit=Exit.USAGE,
        )  # fmt: skip
    to = to or entry.home
    record.write(instance, replace(entry, state="DOCKER_STARTING" if to == "docker" else "NATIVE_STARTING"))
    try:
        if to == "native" and entry.host == HOME and not ide.halt(component):
            raise DevError(
                "ide-listens", f"{name} cannot be started natively",
                because=f"{ide.listener(component)} still listens on {component.port}",
                hint="end it in your IDE, then run this again",
            )  # fmt: skip
        _start(platform, name, to, on_event)
    except BaseException:
        _stay(platform, component, entry)
        raise
    if to == "native":
        ide.halt(component)
        record.forget(instance, name)
    owner_map.settle(platform)
    waits = f"{ide.listener(component)} to release 127.0.0.1:{component.port}" if record.record(instance, name) else ""
    return _moved(component, to, waits)


def reconcile(platform: Platform, on_event: Listener, about: Collection[str] = ()) -> None:
    """Complete interrupted moves, and give back services whose lease is over, except those of the command, `about`.

    If one cannot be given back, the reason is printed and the command continues.
    """
    instance = platform.instance
    services = platform.services
    for name, entry in record.records(instance).items():
        if name not in services:
            record.forget(instance, name)
            continue
        try:
            _resume(platform, services[name], entry, on_event, name in about)
        except (DevError, EngineError) as problem:
            because = f": {problem.because}" if isinstance(problem, DevError) and problem.because else ""
            on_event(name, f"failed to complete its hand-off: {problem}{because}", 0.0)
    for name, owner in owner_map.owners(instance).items():
        # a run was killed before it stopped the container, or a user started the container by hand
        if owner not in ("docker", "none") and name in services and docker.look(services[name]).lives:
            docker.halt(services[name])


def check(platform: Platform, names: Iterable[str]) -> None:
    """Raise DevError for a component that cannot be handed off, before any is moved."""
    for name in names:
        _movable(platform, name)


def _resume(platform: Platform, component: ServiceComponent, entry: Record, on_event: Listener, spared: bool) -> None:
    """Continue an interrupted move."""
    instance, name = component.instance, component.name
    if entry.state == "FLIPPING_OUT":
        _hand_off(platform, component, entry.until, entry.host == HOME)
    elif entry.state == "FLIPPING_IN":
        switch.arrive(platform, component)
    elif entry.state == "NATIVE_STARTING" and native.lives(component) and _is_ready(platform, component):
        owner_map.own(platform, name, "native", native.host(component))
        ide.halt(component)
        record.forget(instance, name)
    elif entry.state != "IDE_WAIT":
        _stay(platform, component, entry)
    elif entry.until and entry.until < time.time() and not spared:
        on_event(name, "its lease is over: giving it back", 0.0)
        give_back(platform, name, on_event)
    else:
        owner_map.own(platform, name, "ide", entry.host)
        if owner_map.is_open(instance):
            owner_map.refresh(platform)  # starts the edge again if it has ended


def _is_ready(platform: Platform, component: Component) -> bool:
    return not health.why_not(platform, component, native.look(component))


def _hand_off(platform: Platform, component: ServiceComponent, until: float | None, same_address: bool) -> Moved:
    """To the IDE: write the record, flip, drain, stop what ran. A second hand-off changes lease and address only."""
    instance, name = component.instance, component.name
    entry = record.record(instance, name)
    if entry and entry.state == "IDE_WAIT":
        entry = replace(entry, until=until or entry.until, host=HOME if same_address else entry.host)
        record.write(instance, entry)
        owner_map.own(platform, name, "ide", entry.host)
    else:
        beside = component.movable and not same_address and sys.platform == "linux"  # other systems have 127.0.0.1 only
        host, home = LOOPBACK_FOR["ide"] if beside else HOME, _home(component)
        entry = replace(entry or Record(name, "FLIPPING_OUT", home, time.time(), until, host), state="FLIPPING_OUT")
        record.write(instance, entry)
        if entry.host != HOME:
            owner_map.prepare(platform)
        switch.leave(platform, component, "ide", entry.host)
        entry = replace(entry, state="IDE_WAIT")
        record.write(instance, entry)
    if entry.until or owner_map.is_open(instance):
        owner_map.refresh(platform)  # the edge watches the lease
    there = ide.listener(component)
    waits = "" if there else f"your process on {entry.host}:{component.port}"
    return replace(_moved(component, "ide", waits), until=entry.until, written=editors.hand_off(platform, component))


def _home(component: ServiceComponent) -> str:
    """The placement to which it returns; DevError if another process has its port, or it cannot leave its container."""
    name, seen = component.name, placements.certain(component)
    if not seen.lives and (there := ide.stranger(component)):
        raise DevError(
            "port-taken", f"port {component.port} of {name} is taken", because=f"{there} listens there",
            hint=f"stop it, then ./dev handoff {name}",
        )  # fmt: skip
    if seen.lives and seen.placement == "docker" and not owner_map.is_open(component.instance):
        raise DevError(
            "not-handed-off", f"{name} cannot be handed off from its container",
            because="this Docker engine runs in its own virtual machine, with which sockets cannot be shared",
            hint=f"./dev handoff {name} --to native, then ./dev handoff {name}",
        )  # fmt: skip
    return seen.placement if seen.lives and seen.placement != "ide" else component.wants.placement


def _start(platform: Platform, name: str, to: str, on_event: Listener) -> None:
    """Start it in that placement; other components keep their placement."""
    services = platform.chosen([name])
    stay = {n: s.placement for n, c in services.items() if (s := placements.certain(c)).lives}
    failed = start(platform, [name], on_event, Asked(stay=stay | {name: to}))
    for other in failed.keys() - {name}:
        on_event(other, f"failed: {failed[other].because or failed[other]}", 0.0)
    if name in failed:
        raise failed[name]


def _stay(platform: Platform, component: Component, entry: Record) -> None:
    """The return failed: keep it handed off to the IDE, and stop what was started."""
    now = record.record(component.instance, component.name)
    if now and now.state == "FLIPPING_IN":
        return
    owner_map.own(platform, component.name, "ide", entry.host)
    native.stop(component)
    if component.instance.engine_record.exists():
        docker.halt(component)
    record.write(component.instance, replace(entry, state="IDE_WAIT"))


def _movable(platform: Platform, name: str) -> ServiceComponent:
    component = platform.component(name)
    if not component.is_service or not component.port or component.once:
        raise DevError(
            "not-handed-off", f"{name} cannot be handed off", because="only services with a port can", exit=Exit.USAGE
        )
    return component


def _moved(component: Component, placement: str, waits: str = "") -> Moved:
    assert component.port is not None
    return Moved(component.name, placement, component.port, waits)
