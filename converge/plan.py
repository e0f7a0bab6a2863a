"""The plan: desired minus observed, as steps in an order that respects what needs what. Pure: it touches no machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePath

from converge.errors import DevError, Exit
from converge.steps import Item, Step
from facts.value import dataclass

REPAIRABLE = frozenset({"drift", "unknown"})
"""Statuses of items whose step, if they have one, belongs into the plan."""


@dataclass(frozen=True)
class Plan:
    """Steps in the order they may run, and for each the ids in this plan that must have succeeded before."""

    steps: tuple[Step, ...]
    needs: Mapping[str, frozenset[str]]

    def startable(self, settled: Collection[str]) -> bool:
        """Whether any step can be taken when those in `settled` cannot."""
        return any(step.id not in settled and not self.ancestors(step.id) & set(settled) for step in self.steps)

    def reaches_system(self, settled: Collection[str]) -> bool:
        """Whether a step that may be taken reaches beyond the checkout and the store."""
        return any(step.reach == "system" and step.id not in settled for step in self.steps)

    def ancestors(self, step_id: str) -> frozenset[str]:
        """Ids of all steps this one waits for, directly or through others."""
        direct = self.needs[step_id]
        return direct.union(*(self.ancestors(name) for name in direct))

    def descendants(self, step_id: str) -> frozenset[str]:
        """Ids of all steps that wait, directly or through others, for this one."""
        found: set[str] = set()
        for step in self.steps:  # the order guarantees that needs come first
            if self.needs[step.id] & (found | {step_id}):
                found.add(step.id)
        return frozenset(found)

    def changes(self) -> list[dict[str, object]]:
        """The plan as JSON values, for golden cases and for people."""
        return [
            {"id": s.id, "change": s.change, "because": s.because, "reach": s.reach, "after": sorted(self.needs[s.id])}
            for s in self.steps
        ]


def make_plan(items: Iterable[Item], without: Iterable[str] = ()) -> Plan:
    """The steps that would close every gap among the items, except the ids in `without`.

    Raises DevError `plan-cycle` (our bug) if steps wait for each other.
    """
    left_out = frozenset(without)
    steps = {
        item.step.id: item.step
        for item in items
        if item.step and item.status in REPAIRABLE and item.step.id not in left_out
    }
    needs = {name: _needs(step, steps) for name, step in steps.items()}
    return Plan(tuple(_ordered(steps, needs)), needs)


def _needs(step: Step, steps: Mapping[str, Step]) -> frozenset[str]:
    """Explicit edges and inferred ones: what is inside a directory waits for the step that makes the directory."""
    explicit = {other for other in step.after if other in steps}
    mine = step.args.get("path")
    inferred = set()
    if isinstance(mine, str):
        parents = {str(parent) for parent in PurePath(mine).parents}
        inferred = {name for name, other in steps.items() if other.args.get("path") in parents}
    return frozenset((explicit | inferred) - {step.id})


def _ordered(steps: Mapping[str, Step], needs: Mapping[str, frozenset[str]]) -> Sequence[Step]:
    """Topological order with ties broken by id."""
    ordered: list[Step] = []
    done: set[str] = set()
    while len(done) < len(steps):
        ready = sorted(name for name in steps if name not in done and needs[name] <= done)
        if not ready:
            stuck = ", ".join(sorted(set(steps) - done))
            raise DevError("plan-cycle", f"these steps depend on each other: {stuck}", exit=Exit.BUG)
        ordered.append(steps[ready[0]])
        done.add(ready[0])
    return ordered
