"""The one port of each component: free, ours, left over by a run of ours, or a stranger's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.containers
import facts.locks
import facts.ports
import facts.processes
from converge import ending
from converge.context import ConvergeContext
from converge.instance import EDGE
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.processes import Process
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

GRACE = 3.0
"""Seconds a left-over process has to end when asked."""


def _components(context: ConvergeContext) -> Iterable[tuple[str, str, int]]:
    """Component, key and number of every port."""
    for name, infra in context.desired.infra.items():
        yield name, f"infra.{name}.port", context.instance.port(infra.port)
    for name, service in context.desired.services.items():
        if service.port:
            yield name, f"services.{name}.port", context.instance.port(service.port)
        if service.debug_port:
            yield name, f"services.{name}.debug_port", context.instance.port(service.debug_port)


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Who listens, which containers publish, and which components have a shim that lives."""
    shims = [
        facts.locks.probe(f"shims.{name}", context.instance.shim_lock(name))
        for name in dict.fromkeys(name for name, _, _ in _components(context))
    ]
    names = {port: name for name, _, port in _components(context)}

    def whose(port: int, pid: int) -> str:
        return next((name for name in (names[port], EDGE) if context.instance.owns(name, pid)), "")

    ports = facts.ports.probe([port for _, _, port in _components(context)], whose)
    record = context.instance.engine_record
    return [ports, facts.containers.probe(lambda: record.read_text().strip() if record.exists() else ""), *shims]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """ok if no process or our own component of this instance listens."""
    listening = observation["ports"]
    for name, key, port in _components(context):
        debug = key.endswith(".debug_port")
        source, want = context.loaded.source(key), f"{port}"
        item = f"ports.{name}.debug" if debug else f"ports.{name}"
        if debug and not isinstance(listening, Unknown) and listening.get(port) is None:
            continue  # most services are never debugged
        if isinstance(listening, Unknown):
            yield Item(item, "ports", "unknown", "?", want, listening.because, source=source)
            continue
        owner, lives = listening[port], observation[f"shims.{name}"]
        published = observation["containers"]
        container = None if isinstance(published, Unknown) else published.get(port)
        if container and container.project == context.instance.compose_project:
            yield Item(item, "ports", "ok", f"{port} ours, {container.name}", want, source=source)
        elif container:
            yield Item(
                item, "ports", "manual", "taken", want, f"{container} publishes it", f"stop it, or change {key}",
                source, "port-taken",
            )  # fmt: skip
        elif owner is None:
            yield Item(item, "ports", "ok", f"{port} free", want, source=source)
        elif not debug and context.instance.handed(name).exists():
            yield Item(item, "ports", "ok", f"{port} handed off", want, source=source)
        elif owner.belongs_to == EDGE:
            yield Item(item, "ports", "ok", f"{port} ours, forwards to {name}", want, source=source)
        elif isinstance(published, Unknown) and not owner.mark:  # it may be the proxy of a container of ours
            yield Item(item, "ports", "unknown", "?", want, published.because, source=source)
        elif owner.belongs_to != name:
            other = "another checkout or instance of ./dev" if owner.mark else "not ours"
            yield Item(
                item, "ports", "manual", "taken", want, f"{owner} listens there and is {other}",
                f"stop it, or change {key}", source, "port-taken",
            )  # fmt: skip
        elif lives is True:
            yield Item(item, "ports", "ok", f"{port} ours, pid {owner.pid}", want, source=source)
        else:
            why = f"{owner} is left over from an earlier run of {name}"
            args = {"pid": owner.pid, "start": owner.start, "name": name}
            step = Step(item, "ports", f"end pid {owner.pid} on port {port}", why, args=args)
            yield Item(item, "ports", "drift", f"{port} left over", want, why, source=source, step=step)


def apply(step: Step, machine: Machine) -> None:
    """End the left-over process; it is checked again first, in case its pid was given to another process."""
    name, identity = step.args["name"], (step.args["pid"], step.args["start"])

    def left() -> list[Process]:
        run = machine.context.instance.run(name)
        return [process for process in facts.processes.members(run) if process.identity == identity]

    ending.end(left, GRACE)
