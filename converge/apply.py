"""Applies a plan: independent steps at the same time, each journaled, a failure stops only what waits for it."""

from __future__ import annotations

import heapq
import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Literal

from converge import own_files
from converge.errors import DevError
from converge.journal import Journal
from converge.local_machine import LocalMachine
from converge.operations import load
from converge.plan import Plan
from converge.steps import Outcome, Reach, Step
from facts.value import dataclass

AT_ONCE = 4
"""Steps that run at the same time; they mostly wait for a network or a disk."""


@dataclass(frozen=True)
class Event:
    """Something a person who waits may want to see; may come from several threads."""

    kind: Literal["round", "begin", "say", "end"]
    step: Step | None = None
    text: str = ""
    outcome: Outcome | None = None
    total: int = 0


@dataclass(frozen=True)
class Results:
    """What became of every step, and tracebacks of operations that broke."""

    outcomes: tuple[Outcome, ...]
    bugs: tuple[str, ...]


def run_plan(
    plan: Plan,
    machine: LocalMachine,
    journal: Journal,
    settled: Mapping[str, Outcome],
    listener: Callable[[Event], None],
) -> Results:
    """Take every step that can be taken; those in `settled` count as not taken. On Ctrl-C no command is left."""
    queued = _Queue(plan, dict(settled), listener)
    bugs: list[str] = []
    ended: queue.Queue[Outcome] = queue.Queue()
    running: dict[str, threading.Thread] = {}
    try:
        while True:
            while len(running) < AT_ONCE and (step := queued.take()):
                journal.intent(step.id, step.change)
                listener(Event("begin", step, step.change))
                thread = threading.Thread(
                    target=lambda step=step: ended.put(_take(step, machine, bugs)), name=step.id, daemon=True
                )
                running[step.id] = thread
                thread.start()
            if not running:
                break
            outcome = ended.get()
            running.pop(outcome.step.id).join()
            journal.done({outcome.step.id: outcome.status})
            queued.end(outcome)
            listener(Event("end", outcome.step, outcome=outcome))
    finally:
        if running:
            machine.end_all()
            for thread in running.values():
                thread.join(2)
    outcomes = queued.outcomes
    return Results(tuple(outcomes[step.id] for step in plan.steps if step.id in outcomes), tuple(bugs))


class _Queue:
    """Which step is next: each is looked at once when it waits for nothing more, not at every end of another one."""

    def __init__(self, plan: Plan, outcomes: dict[str, Outcome], listener: Callable[[Event], None]) -> None:
        self.plan, self.outcomes, self.listener = plan, outcomes, listener
        self.followers: dict[str, list[int]] = {}
        self.missing: dict[int, int] = {}
        self.ready: list[int] = []
        """Places in the plan; a heap, as is the next one."""
        self.alone: list[int] = []
        """Those that wait for others that reach as far: package managers lock each other out."""
        self.running: dict[str, Reach] = {}
        for at, step in enumerate(plan.steps):
            if step.id in outcomes:
                continue
            before = [name for name in plan.needs[step.id] if name not in outcomes]
            self.missing[at] = len(before)
            for name in before:
                self.followers.setdefault(name, []).append(at)
            if not before:
                self._offer(at)

    def take(self) -> Step | None:
        """The first step that can be taken now; those before it that never can be are noted as blocked."""
        while heap := self._next():
            step = self.plan.steps[heapq.heappop(heap)]
            if stopped := [name for name in self.plan.needs[step.id] if self.outcomes[name].status != "changed"]:
                self.end(blocked(step, min(stopped)))
                self.listener(Event("end", step, outcome=self.outcomes[step.id]))
                continue
            self.running[step.id] = step.reach
            return step
        return None

    def end(self, outcome: Outcome) -> None:
        """Note what became of a step, and that others wait for it no longer."""
        self.running.pop(outcome.step.id, None)
        self.outcomes[outcome.step.id] = outcome
        for at in self.followers.get(outcome.step.id, ()):
            self.missing[at] -= 1
            if not self.missing[at]:
                self._offer(at)

    def _offer(self, at: int) -> None:
        heapq.heappush(self.ready if self.plan.steps[at].reach == "project" else self.alone, at)

    def _next(self) -> list[int] | None:
        """The heap with the first step that may run beside those that do."""
        free = all(reach == "project" for reach in self.running.values())
        heaps = [heap for heap in (self.ready, self.alone) if heap and (free or heap is self.ready)]
        return min(heaps, default=None)


def blocked(step: Step, by: str) -> Outcome:
    """The step waits for one that was not taken or did not go well."""
    return Outcome(step, "blocked", f"it needs {by} first", code="blocked")


def _take(step: Step, machine: LocalMachine, bugs: list[str]) -> Outcome:
    began = time.monotonic()
    status: Literal["changed", "failed"] = "failed"
    because = code = hint = ""
    try:
        load(step.operation, machine.context.more).apply(step, machine)
        status = "changed"
    except DevError as problem:
        because = problem.what + (f": {problem.because}" if problem.because else "")
        code, hint = problem.code, problem.hint
    except OSError as problem:
        known = own_files.trouble(problem)
        because = known.because if known else str(problem)
        code, hint = (known.code, known.hint) if known else ("system-refused", "")
    except BaseException as problem:
        because, code = f"./dev itself failed: {type(problem).__name__}: {problem}", "bug"
        bugs.append("".join(traceback.format_exception(problem)))
    return Outcome(step, status, because, round(time.monotonic() - began, 3), code, hint)
