"""Processes that components left over: their shim was killed together with its guard, so nothing keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from converge import leftovers
from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

GRACE = 3.0
"""Seconds that a left-over process has to end when asked."""
WANT = "none without a shim"


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """`processes`: component -> what is left over of it, described."""
    names = (*context.desired.infra, *context.desired.services)

    def look() -> dict[str, str]:
        found = leftovers.everywhere(context.instance, names)
        return {name: leftovers.described(left) for name, left in found.items()}

    return [LocalProbe("processes", look)] if names else []


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One item for each component with processes that nothing keeps; a single `ok` where there are none."""
    if not context.desired.infra and not context.desired.services:
        return
    found = observation["processes"]
    if isinstance(found, Unknown):
        hint = "run again; if it stays, correct the file or the permissions that the reason names"
        yield Item("processes.left-over", "processes", "unknown", "?", WANT, found.because, hint)
        return
    if not found:
        yield Item("processes.left-over", "processes", "ok", "none", WANT)
    for name, what in found.items():
        item, because = f"processes.{name}", f"{what} belongs to {name}, and the shim that kept it is gone"
        step = Step(item, "processes", f"end what is left over of {name}", because, args={"name": name})
        yield Item(item, "processes", "drift", "left over", WANT, because, step=step)


def apply(step: Step, machine: Machine) -> None:
    """End them; what belongs to the component is looked up again first."""
    leftovers.sweep(machine.context.instance, step.args["name"], GRACE)
