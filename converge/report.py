"""The one value from which text, JSON and exit code of a doctor run derive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from converge.errors import DevError, Exit
from converge.plan import make_plan
from converge.steps import Item, Outcome, Status
from facts.value import dataclass, replace

FINE: frozenset[Status] = frozenset({"ok", "changed", "skipped"})
BAD_LOCK = frozenset({"hash-mismatch", "lock-missing", "lock-stale"})
"""Codes of steps that failed because desired_state.lock is not right."""
_VERDICTS = {
    Exit.OK: "converged",
    Exit.DRIFT: "drift",
    Exit.NOT_CONVERGED: "not_converged",
    Exit.NEEDS_HUMAN: "needs_human",
    Exit.UNKNOWN: "unknown",
}


@dataclass(frozen=True)
class Report:
    """Every item as the last look saw it, and what became of the steps."""

    items: tuple[Item, ...]
    outcomes: tuple[Outcome, ...] = ()
    rounds: int = 0
    duration_ms: int = 0
    acted: bool = False
    """Whether this was a repair: drift that is left then counts as not converged."""
    bugs: tuple[str, ...] = ()
    """Tracebacks of our own failures, for the log."""
    refused: DevError | None = None
    """Why nothing could be looked at, if so."""

    @property
    def exit_code(self) -> Exit:
        """What a script sees; the worst wins: our bug, a bad desired state, not converged, unknown, a human, drift."""
        if self.bugs:
            return Exit.BUG
        if self.refused:
            return self.refused.exit
        if any(item.code in BAD_LOCK for item in self.open):
            return Exit.BAD_STATE
        statuses = {item.status for item in self.items}
        if statuses & {"failed", "unverified", "oscillating"} or (self.acted and "drift" in statuses):
            return Exit.NOT_CONVERGED
        if "unknown" in statuses:
            return Exit.UNKNOWN
        if statuses & {"manual", "blocked"}:
            return Exit.NEEDS_HUMAN
        return Exit.DRIFT if "drift" in statuses else Exit.OK

    @property
    def verdict(self) -> str:
        """The exit code in a word."""
        return _VERDICTS.get(self.exit_code, "unknown")

    @property
    def open(self) -> tuple[Item, ...]:
        """Items that are not as wanted."""
        return tuple(item for item in self.items if item.status not in FINE)

    def document(self) -> dict[str, Any]:
        """The versioned JSON document."""
        keys = ("id", "noun", "status", "found", "want", "because", "hint", "source", "code")
        return {
            "schema": 1,
            "verdict": self.verdict,
            "exit_code": int(self.exit_code),
            "items": [{key: getattr(item, key) for key in keys} for item in self.items],
            "plan": make_plan(self.items).changes(),
            "rounds": self.rounds,
            "duration_ms": self.duration_ms,
        }


def judged(items: Iterable[Item], outcomes: Iterable[Outcome], oscillating: frozenset[str]) -> tuple[Item, ...]:
    """The items of the last look, with what became of their steps; a step's own word for success counts for nothing.

    What is an item only while it is wrong is listed, too, if a step changed it.
    """
    last = {outcome.step.id: outcome for outcome in outcomes}
    found = [_judge(item, last.get(item.id), item.id in oscillating) for item in items]
    there = {item.id for item in found}
    for name, outcome in last.items():
        if outcome.status == "changed" and name not in there:
            noun = name.partition(".")[0]
            at = next((at for at, item in enumerate(found) if item.noun == noun), len(found))
            found.insert(at, Item(name, noun, "changed", outcome.step.change, "", outcome.step.because))
    return tuple(found)


def _judge(item: Item, outcome: Outcome | None, oscillating: bool) -> Item:
    if oscillating:
        return replace(item, status="oscillating", because=_with("repairs undo each other", item.because))
    if outcome is None:
        return item
    if item.status in ("ok", "skipped"):
        return replace(item, status="changed") if outcome.status == "changed" else item
    if outcome.status == "changed":
        why = "the step succeeded, but the check afterwards still finds the difference"
        return replace(item, status="unverified", because=_with(why, item.because))
    return replace(
        item,
        status=outcome.status,
        because=outcome.because or item.because,
        hint=outcome.hint or item.hint,
        code=outcome.code or item.code,
    )


def _with(text: str, more: str) -> str:
    return f"{text} ({more})" if more else text


def refusal(problem: DevError) -> Report:
    """The report of a run that ended before its first look."""
    item = Item(
        "desired_state", "desired_state", "failed", problem.what, "", problem.because, problem.hint, problem.source,
        problem.code,
    )  # fmt: skip
    return Report((item,), refused=problem)
