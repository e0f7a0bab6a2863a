"""The one port of each component: free, ours, or a stranger's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from converge.context import ConvergeContext
from converge.machine import Machine
from converge.steps import Item, Step
from facts.ports import probe
from facts.probe import AnyProbe, Observation
from facts.value import Unknown


def _components(context: ConvergeContext) -> Iterable[tuple[str, str, int]]:
    for name, infra in context.desired.infra.items():
        yield name, f"infra.{name}.port", context.instance.port(infra.port)
    for name, service in context.desired.services.items():
        if service.port:
            yield name, f"services.{name}.port", context.instance.port(service.port)


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """One look per port."""
    return [probe(port) for _, _, port in _components(context)]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """ok where nobody or our own component of this instance listens."""
    for name, key, port in _components(context):
        owner, source, item = observation[f"ports.{port}"], context.loaded.source(key), f"ports.{name}"
        if isinstance(owner, Unknown):
            yield Item(item, "ports", "unknown", "?", f"{port}", because=owner.because, source=source)
        elif owner is None:
            yield Item(item, "ports", "ok", "free", f"{port}", source=source)
        elif owner.mark.startswith(f"{context.instance.id}:{name}:"):
            yield Item(item, "ports", "ok", f"ours, pid {owner.pid}", f"{port}", source=source)
        else:
            yield Item(
                item, "ports", "manual", "taken", f"{port}", f"{owner} listens there and is not ours",
                f"stop it, or change {key}", source, "port-taken",
            )  # fmt: skip


def apply(step: Step, machine: Machine) -> None:
    """No port needs a step: a stranger's process is never ended."""
    raise AssertionError(step.id)
