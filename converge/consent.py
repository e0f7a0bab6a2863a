"""Which consent a step needs: none in the project, a confirmation for the system, an id for what cannot be undone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from converge.errors import DevError
from converge.machine import Machine
from converge.plan import Plan
from converge.steps import Outcome, Step
from facts.value import dataclass, field


@dataclass
class Consent:
    """What was agreed to; `ask` exists only where a person watches and is called once per new set of system steps."""

    yes: bool = False
    allow: frozenset[str] = frozenset()
    ask: Callable[[Sequence[Step]], bool] | None = None
    sudo_prompt: Callable[[], bool] | None = None
    """Runs `sudo -v` on the person's terminal; whether it went well."""
    again: frozenset[str] = frozenset()
    """System steps that repeat what was consented to once."""
    _agreed: set[str] = field(default_factory=set)
    _may_sudo: bool | None = None

    def may_sudo(self, machine: Machine) -> bool:
        """Whether root's rights are available; checked once, before the first write."""
        if self._may_sudo is None:
            self._may_sudo = os.geteuid() == 0 or _sudo(machine) or bool(self.sudo_prompt and self.sudo_prompt())
        return self._may_sudo


def refusals(plan: Plan, consent: Consent, machine: Machine, settled: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Steps that were not confirmed or that this user may not do, as `manual` outcomes."""
    open_steps = [step for step in plan.steps if step.id not in settled]
    refused = _system([step for step in open_steps if step.reach == "system"], consent, machine)
    for step in open_steps:
        if step.reach == "destructive" and step.id not in consent.allow:
            way = f"./dev doctor --fix --allow={step.id}"
            refused[step.id] = _manual(step, "it cannot be undone", "consent-destructive", way)
    return refused


def _system(system: list[Step], consent: Consent, machine: Machine) -> dict[str, Outcome]:
    """Those that change the whole machine; what was confirmed once is not asked again."""
    refused: dict[str, Outcome] = {}
    consent._agreed |= consent.again
    new = [step for step in system if step.id not in consent._agreed]
    if new and (consent.yes or (consent.ask is not None and consent.ask(new))):
        consent._agreed |= {step.id for step in new}
    for step in system:
        if step.id not in consent._agreed:
            why = "it changes the whole machine and was not confirmed"
            refused[step.id] = _manual(step, why, "consent-missing", "./dev doctor --fix --yes")
        elif step.args.get("sudo", True) and not consent.may_sudo(machine):
            refused[step.id] = _manual(step, "it needs root, and sudo cannot be used here", "sudo-missing", "")
    return refused


def _manual(step: Step, because: str, code: str, way: str) -> Outcome:
    hint = " or ".join(f"`{command}`" for command in (way, step.by_hand) if command)
    return Outcome(step, "manual", because, code=code, hint=f"run {hint}" if hint else "ask who administers it")


def _sudo(machine: Machine) -> bool:
    """Whether sudo asks for nothing, or its last answer is still good."""
    try:
        return machine.run(["sudo", "-n", "true"], timeout=20, same_session=True).returncode == 0
    except DevError:
        return False
