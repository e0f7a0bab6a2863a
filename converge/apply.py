"""Applies a plan: independent steps at the same time, each journaled, a failure stops only what waits for it."""

from __future__ import annotations

import errno
import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Literal

from converge.errors import DevError
from converge.journal import Journal
from converge.local_machine import LocalMachine
from converge.operations import load
from converge.plan import Plan
from converge.steps import Outcome, Step
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
    outcomes: dict[str, Outcome] = dict(settled)
    bugs: list[str] = []
    ended: queue.Queue[Outcome] = queue.Queue()
    running: dict[str, threading.Thread] = {}
    try:
        while True:
            while len(running) < AT_ONCE and (step := _next(plan, outcomes, running, listener)):
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
            journal.done(outcome.step.id, outcome.status)
            outcomes[outcome.step.id] = outcome
            listener(Event("end", outcome.step, outcome=outcome))
    finally:
        if running:
            machine.end_all()
            for thread in running.values():
                thread.join(2)
    return Results(tuple(outcomes[step.id] for step in plan.steps if step.id in outcomes), tuple(bugs))


def _next(
    plan: Plan, outcomes: dict[str, Outcome], running: Mapping[str, object], listener: Callable[[Event], None]
) -> Step | None:
    """The first step that can be taken now; those before it that never can be are noted as blocked."""
    for step in plan.steps:
        if step.id in outcomes or step.id in running or not plan.needs[step.id] <= outcomes.keys():
            continue
        if stopped := sorted(n for n in plan.needs[step.id] if outcomes[n].status != "changed"):
            outcomes[step.id] = blocked(step, stopped[0])
            listener(Event("end", step, outcome=outcomes[step.id]))
            continue
        others = [_by_id(plan, name).reach for name in running]
        if step.reach == "project" or {*others} <= {"project"}:  # package managers lock each other out
            return step
    return None


def blocked(step: Step, by: str) -> Outcome:
    """The step waits for one that was not taken or did not go well."""
    return Outcome(step, "blocked", f"it needs {by} first", code="blocked")


def _by_id(plan: Plan, name: str) -> Step:
    return next(step for step in plan.steps if step.id == name)


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
        because = str(problem)
        code = "disk-full" if problem.errno in (errno.ENOSPC, errno.EDQUOT) else "system-refused"
    except BaseException as problem:
        because, code = f"./dev itself failed: {type(problem).__name__}: {problem}", "bug"
        bugs.append("".join(traceback.format_exception(problem)))
    return Outcome(step, status, because, round(time.monotonic() - began, 3), code, hint)
