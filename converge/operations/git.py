"""Where git looks for the hooks of this checkout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.git
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

HINT = "git status in the checkout says more"


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """What git says, where a hooks path is declared."""
    return [facts.git.probe(context.instance.checkout)] if context.desired.project.hooks_path else []


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """`core.hooksPath` is the declared one; a directory that is not a repository has no item."""
    want, source = context.desired.project.hooks_path, context.loaded.source("project.hooks_path")
    if not want:
        return
    found = observation["git"]
    if isinstance(found, Unknown):
        yield Item("git.hooks", "git", "unknown", "?", want, found.because, HINT, source)
    elif not found.exists:
        yield Item("git.hooks", "git", "skipped", "no repository", want, source=source)
    elif found.hooks_path == want:
        yield Item("git.hooks", "git", "ok", want, want, source=source)
    else:
        because = f"core.hooksPath is {found.hooks_path or 'not set'}"
        step = Step("git.hooks", "git", f"set core.hooksPath to {want}", because, args={"path": want})
        yield Item("git.hooks", "git", "drift", found.hooks_path or "not set", want, because, source=source, step=step)


def apply(step: Step, machine: Machine) -> None:
    """For this checkout only."""
    checkout = machine.context.instance.checkout
    ran = machine.run(["git", "-C", str(checkout), "config", "core.hooksPath", step.args["path"]])
    if ran.returncode:
        raise DevError("system-refused", "git refused to set core.hooksPath", because=ran.stderr.strip())
