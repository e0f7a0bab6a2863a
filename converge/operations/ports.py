"""The ports of each component: free, ours, left over by a run of ours, or a stranger's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.containers
import facts.locks
import facts.port_range
import facts.ports
import facts.processes
from converge import declared_ports, ending, own_files
from converge.context import ConvergeContext
from converge.declared_ports import Declared
from converge.instance import EDGE
from converge.steps import Item, Step
from facts.port_range import PortRange
from facts.ports import Owner
from facts.probe import AnyProbe, Observation
from facts.processes import Process
from facts.value import Unknown, replace

if TYPE_CHECKING:
    from converge.machine import Machine

GRACE = 3.0
"""Seconds a left-over process has to end when asked."""


def _components(context: ConvergeContext) -> Iterable[tuple[Declared, int]]:
    """Every port, and its number in this instance."""
    return ((each, context.instance.port(each.number)) for each in declared_ports.of(context.desired))


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Who listens, which containers publish, and which components have a shim that lives."""
    shims = [
        facts.locks.probe(f"shims.{name}", context.instance.shim_lock(name))
        for name in dict.fromkeys(each.component for each, _ in _components(context))
    ]
    names = {port: each.component for each, port in _components(context)}

    def whose(port: int, pid: int) -> str:
        return next((name for name in (names[port], EDGE) if context.instance.owns(name, pid)), "")

    ports = facts.ports.probe([port for _, port in _components(context)], whose)
    record = context.instance.engine_record
    given = facts.port_range.probe("ports-given")
    return [
        given,
        ports,
        facts.containers.probe(lambda: own_files.text(record).strip() if record.exists() else ""),
        *shims,
    ]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """ok if no process or our own component of this instance listens."""
    listening = observation["ports"]
    for each, port in _components(context):
        name, key = each.component, each.key
        if each.debug and not isinstance(listening, Unknown) and listening.get(port) is None:
            continue  # most services are never debugged
        free = Item(
            f"ports.{name}.{each.name}" if each.name else f"ports.{name}", "ports", "ok", f"{port} free", f"{port}",
            source=context.loaded.source(key),
        )  # fmt: skip
        if isinstance(listening, Unknown):
            yield replace(free, status="unknown", found="?", because=listening.because)
        else:
            yield _of_port(context, observation, free, name, key, port)


def _of_port(context: ConvergeContext, observation: Observation, free: Item, name: str, key: str, port: int) -> Item:
    """The item of one port: who has it, a container or a process."""
    owner: Owner | None = observation["ports"][port]
    published = observation["containers"]
    container = None if isinstance(published, Unknown) else published.get(port)
    if container:
        ours = container.project == context.instance.compose_project
        return (
            replace(free, found=f"{port} ours, {container.name}")
            if ours
            else _taken(free, f"{container} publishes it", key)
        )
    if owner is None:
        return _given(free, observation.get("ports-given"), port)
    if not key.endswith(".debug_port") and context.instance.handed(name).exists():
        return replace(free, found=f"{port} handed off")
    if isinstance(published, Unknown) and not (owner.mark or owner.belongs_to):  # perhaps the proxy of our container
        return replace(free, status="unknown", found="?", because=published.because)
    return _of_process(free, name, key, owner, lives=observation[f"shims.{name}"] is True)


def _given(free: Item, given: PortRange | Unknown | None, port: int) -> Item:
    """The item of a free port; that an outgoing connection may get it is said, and no failure."""
    if not isinstance(given, PortRange) or not given.gives(port):
        return free
    return replace(free, found=f"{port} free, but the system may give it away ({given.first}-{given.last})")


def _of_process(free: Item, name: str, key: str, owner: Owner, lives: bool) -> Item:
    """The item of a port on which a process listens; `lives` says whether the component's shim does."""
    if owner.belongs_to == EDGE:
        return replace(free, found=f"{free.want} ours, forwards to {name}")
    if owner.belongs_to != name:
        other = "another checkout or instance of ./dev" if owner.mark else "not ours"
        return _taken(free, f"{owner} listens there and is {other}", key)
    if lives:
        return replace(free, found=f"{free.want} ours, pid {owner.pid}")
    why = f"{owner} is left over from an earlier run of {name}"
    args = {"pid": owner.pid, "start": owner.start, "name": name}
    step = Step(free.id, "ports", f"end pid {owner.pid} on port {free.want}", why, args=args)
    return replace(free, status="drift", found=f"{free.want} left over", because=why, step=step)


def _taken(free: Item, because: str, key: str) -> Item:
    """The item of a port that something of somebody else has."""
    return replace(
        free, status="manual", found="taken", because=because, hint=f"stop it, or change {key}", code="port-taken"
    )


def apply(step: Step, machine: Machine) -> None:
    """End the left-over process; it is checked again first, in case its pid was given to another process."""
    name, identity = step.args["name"], (step.args["pid"], step.args["start"])

    def left() -> list[Process]:
        run = machine.context.instance.run(name)
        return [process for process in facts.processes.members(run) if process.identity == identity]

    ending.end(left, GRACE)
