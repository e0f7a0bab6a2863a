"""The nouns a machine is checked and repaired in: one module each, listed in one dict, imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation

if TYPE_CHECKING:
    from converge.machine import Machine


class Operation(Protocol):
    """What a module in this package offers; copy the smallest neighbour to add a noun.

    Each function is a plain module-level function. A noun is one module plus one line in `OPERATIONS`.
    """

    def probes(self, context: ConvergeContext) -> Sequence[AnyProbe]:
        """The looks this noun needs; all nouns' looks are taken in one batch. Names must be unique per machine."""
        ...

    def items(self, context: ConvergeContext, observation: Observation) -> Iterable[Item]:
        """Compare what was seen with what is wanted. Pure: reads no file, asks no machine.

        An item that is not `ok` and can be repaired carries the `Step` that would do it (`step.id == item.id`,
        `step.operation` = this noun's key). A fact that is `Unknown` makes an item `unknown`, never `drift`.
        """
        ...

    def apply(self, step: Step, machine: Machine) -> None:
        """Do it. Raises DevError if it could not be done; returning is never evidence, the next look decides.

        Runs in a worker thread, at most one step per id; must be safe to run again after a crash in its middle.
        """
        ...


OPERATIONS: dict[str, str] = {
    "state": "converge.operations.state",
    "overrides": "converge.operations.overrides",
    "compose": "converge.operations.compose",
    "machine": "converge.operations.machine",
    "packages": "converge.operations.packages",
    "docker": "converge.operations.docker",
    "tools": "converge.operations.tools",
    "env": "converge.operations.env",
    "auth": "converge.operations.auth",
    "files": "converge.operations.files",
    "git": "converge.operations.git",
    "processes": "converge.operations.processes",
    "ports": "converge.operations.ports",
    "data": "converge.operations.data",
    "dependencies": "converge.operations.dependencies",
}
"""Noun -> its module, in the order doctor shows them."""

SYSTEM_NOUNS = frozenset({"machine", "packages", "docker"})
"""Nouns whose steps reach beyond the checkout and the store; `./dev start` looks at them only with --yes."""


def load(noun: str, more: Mapping[str, str] = {}) -> Operation:
    """The module of the noun, which may be one of `more`."""
    return cast(Operation, importlib.import_module(OPERATIONS.get(noun) or more[noun]))
