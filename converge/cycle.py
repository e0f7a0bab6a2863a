"""START HERE: load, observe, plan, apply, observe again, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from converge import lockfile, operations
from converge.context import ConvergeContext
from converge.desired import Loaded
from converge.errors import DevError
from converge.instance import Instance
from converge.journal import Journal
from converge.machine import LocalMachine
from converge.plan import Plan, make_plan
from converge.report import Report, judged
from converge.steps import Item, Outcome, Step
from facts.local import LocalReader
from facts.probe import observe

MOST_ROUNDS = 4
"""After so many rounds what is still open is reported instead of tried again."""
Listener = Callable[[str], None]


def doctor(loaded: Loaded, instance: Instance, only: Collection[str] = ()) -> Report:
    """Look and compare; changes nothing, takes no lock."""
    began = time.monotonic()
    context = ConvergeContext(loaded, instance, lockfile.load(instance.checkout) if loaded.desired.tools else {})
    items = look(context, only)
    return Report(tuple(items), duration_ms=_since(began))


def fix(
    loaded: Loaded,
    instance: Instance,
    only: Collection[str] = (),
    *,
    yes: bool = False,
    allow: Collection[str] = (),
    listener: Listener | None = None,
) -> Report:
    """Repair until nothing differs or nothing new can be done; the caller holds the checkout's lock."""
    began = time.monotonic()
    context = ConvergeContext(loaded, instance, lockfile.load(instance.checkout) if loaded.desired.tools else {})
    machine = LocalMachine(context, listener)
    journal = Journal(instance.dev / "journal")
    outcomes: list[Outcome] = []
    seen: list[frozenset[tuple[str, str]]] = []
    failed: set[str] = set()
    items = look(context, only)
    rounds = 0
    try:
        while rounds < MOST_ROUNDS:
            plan = make_plan(items, without=failed)
            state = frozenset((item.id, item.found) for item in items if item.step and item.status != "ok")
            if not plan.steps or state in seen:
                break
            seen.append(state)
            rounds += 1
            now = _apply(plan, machine, journal, yes, allow)
            outcomes += now
            failed |= {outcome.step.id for outcome in now if outcome.status != "changed"}
            items = look(context, only)
    finally:
        machine.end_all()
    journal.trim()
    return Report(judged(items, outcomes, frozenset()), tuple(outcomes), rounds, _since(began), acted=True)


def prepare(loaded: Loaded, instance: Instance, on_event: Listener | None = None, yes: bool = False) -> Report:
    """What `./dev start` needs: the project's own steps, without a look at the machine beyond it."""
    nouns = [noun for noun in operations.OPERATIONS if noun not in operations.SYSTEM_NOUNS]
    return fix(loaded, instance, nouns, yes=yes, listener=on_event)


def look(context: ConvergeContext, only: Collection[str] = ()) -> list[Item]:
    """Every item of the nouns, from one batch of looks."""
    nouns = [(noun, operations.load(noun)) for noun in operations.OPERATIONS if not only or noun in only]
    observation = observe([probe for _, noun in nouns for probe in noun.probes(context)], LocalReader())
    return [item for _, noun in nouns for item in noun.items(context, observation)]


def _apply(plan: Plan, machine: LocalMachine, journal: Journal, yes: bool, allow: Collection[str]) -> list[Outcome]:
    """Run the steps, independent ones side by side; a failure blocks what waits for it and nothing else."""
    outcomes: dict[str, Outcome] = {}
    waiting = {step.id: step for step in plan.steps}
    running: dict[Future[Outcome], str] = {}
    with ThreadPoolExecutor(max_workers=4) as pool:
        try:
            while waiting or running:
                for step in list(waiting.values()):
                    needs = plan.needs[step.id]
                    if any(need in outcomes and outcomes[need].status != "changed" for need in needs):
                        culprit = next(n for n in sorted(needs) if n in outcomes and outcomes[n].status != "changed")
                        outcomes[step.id] = Outcome(step, "blocked", f"{culprit} has not succeeded")
                        del waiting[step.id]
                    elif all(need in outcomes for need in needs):
                        del waiting[step.id]
                        if refusal := _refusal(step, yes, allow):
                            outcomes[step.id] = Outcome(step, "manual", refusal)
                        else:
                            running[pool.submit(_one, step, machine, journal)] = step.id
                if running:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        outcomes[running.pop(future)] = future.result()
        except BaseException:
            machine.end_all()
            raise
    return [outcomes[step.id] for step in plan.steps]


def _refusal(step: Step, yes: bool, allow: Collection[str]) -> str:
    """Why the step is a person's to take; empty where it is ours."""
    if step.reach == "destructive" and step.id not in allow:
        return f"it cannot be undone; allow it with --allow={step.id}"
    if step.reach == "system" and not yes:
        return "it changes the whole machine; consent with --yes"
    return ""


def _one(step: Step, machine: LocalMachine, journal: Journal) -> Outcome:
    began = time.monotonic()
    journal.intent(step.id, step.change)
    try:
        operations.load(step.operation).apply(step, machine)
        outcome = Outcome(step, "changed", duration_s=time.monotonic() - began)
    except DevError as problem:
        because = problem.what + (f": {problem.because}" if problem.because else "")
        outcome = Outcome(step, "failed", because, time.monotonic() - began)
    journal.done(step.id, outcome.status)
    return outcome


def first_problem(items: Iterable[Item]) -> Item | None:
    """The item a person should read first."""
    order = ("failed", "unverified", "oscillating", "manual", "blocked", "unknown", "drift")
    open_items = [item for item in items if item.status in order]
    return min(open_items, key=lambda item: order.index(item.status), default=None)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
