"""The plan: desired minus observed, as steps in an order that respects what needs what. Pure: it touches no machine."""

from __future__ import annotations

import heapq
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
        stopped = self.stopped(settled)
        return any(step.id not in settled and step.id not in stopped for step in self.steps)

    def stopped(self, settled: Collection[str]) -> dict[str, str]:
        """Id of each step that waits, directly or not, for one in `settled` -> the first of these by name."""
        found: dict[str, str] = {}
        for step in self.steps:  # the order guarantees that needs come first
            by = [name for name in self.needs[step.id] if name in settled]
            if by := by + [found[name] for name in self.needs[step.id] if name in found]:
                found[step.id] = min(by)
        return found

    def reaches_system(self, settled: Collection[str]) -> bool:
        """Whether a step that may be taken reaches beyond the checkout and the store."""
        return any(step.reach == "system" and step.id not in settled for step in self.steps)

    def ancestors(self, step_id: str) -> frozenset[str]:
        """Ids of all steps this one waits for, directly or through others."""
        found: set[str] = set()
        later = [step_id]
        while later:
            fresh = self.needs[later.pop()] - found
            found |= fresh
            later += fresh
        return frozenset(found)

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
    makers: dict[str, list[str]] = {}
    for name, step in steps.items():
        if isinstance(path := step.args.get("path"), str):
            makers.setdefault(str(PurePath(path)), []).append(name)
    needs = {name: _needs(step, steps, makers) for name, step in steps.items()}
    return Plan(tuple(_ordered(steps, needs)), needs)


def _needs(step: Step, steps: Mapping[str, Step], makers: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Explicit edges and inferred ones: what is inside a directory waits for the step that makes the directory.

    The nearest one that a step makes is enough, as that step waits for those above it.
    """
    found = {other for other in step.after if other in steps}
    if isinstance(mine := step.args.get("path"), str):
        found.update(next((makers[str(each)] for each in PurePath(mine).parents if str(each) in makers), ()))
    return frozenset(found - {step.id})


def _ordered(steps: Mapping[str, Step], needs: Mapping[str, frozenset[str]]) -> Sequence[Step]:
    """Topological order: of the steps that may come next, the first by id."""
    followers: dict[str, list[str]] = {}
    for name, before in needs.items():
        for each in before:
            followers.setdefault(each, []).append(name)
    missing = {name: len(before) for name, before in needs.items()}
    ready = sorted(name for name, count in missing.items() if not count)  # a sorted list is a heap
    ordered: list[Step] = []
    while ready:
        name = heapq.heappop(ready)
        ordered.append(steps[name])
        for each in followers.get(name, ()):
            missing[each] -= 1
            if not missing[each]:
                heapq.heappush(ready, each)
    if len(ordered) < len(steps):
        stuck = ", ".join(sorted(steps.keys() - {step.id for step in ordered}))
        raise DevError("plan-cycle", f"these steps depend on each other: {stuck}", exit=Exit.BUG)
    return ordered
