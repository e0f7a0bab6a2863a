"""What desired_state.local.toml changes on this machine; shown so that differences are explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation

if TYPE_CHECKING:
    from converge.machine import Machine


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """None: the file itself says it."""
    return []


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One line per key that differs here; the value of a variable is not shown."""
    for key in context.loaded.overrides:
        shown = "set here" if ".env." in f".{key}" else str(_value(context.desired, key))
        yield Item(f"overrides.{key}", "overrides", "ok", shown, shown, source=context.loaded.source(key))


def _value(value: Any, key: str) -> Any:
    for part in key.split("."):
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    return value


def apply(step: Step, machine: Machine) -> None:
    """Nothing here has a step."""
    raise AssertionError(step.id)
