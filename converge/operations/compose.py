"""What of the team's Compose files is not taken, or not as it stands; shown so that nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation

if TYPE_CHECKING:
    from converge.machine import Machine


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """None: the files were read with the desired state."""
    return []


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One line for each service that is taken, and for each service or key that is not."""
    composed = context.loaded.composed
    if composed is None:
        return
    for name, each in composed.containers.items():
        if name in context.desired.infra:  # a start of some components looks at no others
            image = str(context.desired.infra[name].image)
            yield Item(f"compose.{name}", "compose", "ok", image, "taken", source=each.source)
    for note in composed.notes:
        found = f"{'left out' if note.verdict == 'ignored' else 'taken'}: {note.because} ({note.source})"
        yield Item(f"compose.{note.key}", "compose", "skipped", found, "", note.because, source=note.source)


def apply(step: Step, machine: Machine) -> None:
    """Nothing here has a step."""
    raise AssertionError(step.id)
