"""START HERE: load, observe, plan, apply, observe again, report; doctor, fix and prepare are its three entry points."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from converge.context import ConvergeContext, Purpose, context_of
from converge.desired import Loaded
from converge.errors import DevError, Exit
from converge.instance import Instance
from converge.look import Look, look
from converge.operations import OPERATIONS, SYSTEM_NOUNS
from converge.plan import Plan, make_plan
from converge.report import Report, judged
from converge.steps import Item, Outcome
from facts.value import dataclass, field

if TYPE_CHECKING:
    from converge.apply import Event
    from converge.consent import Consent
    from converge.journal import Journal
    from converge.local_machine import LocalMachine

MOST_TOLD = 50
"""Steps of an interrupted run that are named."""
MOST_ROUNDS = 3
"""A repair may uncover the next gap; what three rounds did not close, a fourth will not."""


def doctor(
    loaded: Loaded, instance: Instance, only: Sequence[str] | None = None, more: Mapping[str, str] = {}
) -> Report:
    """What is and what would be done; takes no lock and writes nothing. `more`: nouns of what runs."""
    began = time.monotonic()
    seen = look(context_of(loaded, instance, more=more), _nouns(only, more))
    return Report(seen.items, duration_ms=_since(began), bugs=seen.bugs)


def fix(
    loaded: Loaded,
    instance: Instance,
    only: Sequence[str] | None = None,
    consent: Consent | None = None,
    listener: Callable[[Event], None] | None = None,
    lock_timeout: float | None = None,
    purpose: Purpose = "start",
    debuggers: frozenset[str] = frozenset(),
    more: Mapping[str, str] = {},
    later: str = "",
    on_machine: Callable[[LocalMachine], None] | None = None,
) -> Report:
    """Repair until a look made after the last write finds nothing to do, or nothing more can be done.

    The steps of the noun `later` are left to the caller. `on_machine` gets the machine before the first step: its
    `end_all`, called in another thread, ends the repair. Raises DevError `locked` (exit 75) if another run keeps the
    checkout.
    """
    from converge import envfile, lock  # saves 2 ms of a doctor without --fix
    from converge.consent import Consent

    context = context_of(loaded, instance, purpose, debuggers, more)
    run = _Run(context, _nouns(only, more), consent or Consent(), listener or (lambda event: None), later, on_machine)
    with lock.hold(checkout_lock(instance), lock_timeout, run.say):
        envfile.settle(instance)
        return run.converge(lock_timeout)


def prepare(
    loaded: Loaded,
    instance: Instance,
    on_event: Callable[[Event], None] | None = None,
    yes: bool = False,
    lock_timeout: float | None = None,
    purpose: Purpose = "start",
    debuggers: frozenset[str] = frozenset(),
    later: str = "",
) -> Report:
    """What `./dev start` (or `./dev test`) needs: the checkout and the store, and the system only with `yes`.

    The caller may already hold `checkout_lock(instance)`. Never asks. `later` as of `fix`.
    """
    from converge.consent import Consent  # saves 2 ms of a doctor without --fix
    from facts import daemon

    # an engine that ./dev itself started may be started again without a second consent
    again = frozenset({"docker.engine"}) if loaded.desired.docker and daemon.was_own() else frozenset()
    # tests take an engine that runs, and those of Docker itself have one of their own
    left_out = SYSTEM_NOUNS if not yes else frozenset({"docker"}) if purpose == "test" else frozenset()
    nouns = [noun for noun in OPERATIONS if noun not in left_out or (again and noun == "docker")]
    agreed = Consent(yes=yes, again=again)
    return fix(loaded, instance, nouns, agreed, on_event, lock_timeout, purpose, debuggers, later=later)


def checkout_lock(instance: Instance) -> Path:
    """The lock that every change of this checkout needs: `with lock.hold(checkout_lock(instance)): …`."""
    return instance.dev / "lock"


def _nouns(only: Sequence[str] | None, more: Mapping[str, str]) -> tuple[str, ...]:
    known = (*OPERATIONS, *more)
    if only is None:
        return known
    for noun in only:
        if noun not in known:
            raise DevError(
                "noun-unknown",
                f"there is no noun {noun!r}",
                because=f"doctor checks {', '.join(known)}",
                exit=Exit.USAGE,
            )
    return tuple(noun for noun in known if noun in only)


@dataclass
class _Run:
    """One repair, from the first look to the last."""

    context: ConvergeContext
    nouns: tuple[str, ...]
    consent: Consent
    listener: Callable[[Event], None]
    later: str = ""
    on_machine: Callable[[LocalMachine], None] | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    bugs: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        from converge.apply import Event  # saves 6 ms of a doctor without --fix

        self.listener(Event("say", text=text))

    def converge(self, lock_timeout: float | None) -> Report:
        from converge.apply import Event, run_plan  # saves 7 ms of a doctor without --fix
        from converge.consent import refusals
        from converge.journal import Journal
        from converge.local_machine import LocalMachine

        began = time.monotonic()
        journal = Journal(self.context.instance.dev / "journal")
        interrupted = journal.interrupted()
        # what an interrupted run touched is checked again even if its noun was not requested
        touched = {name.partition(".")[0] for name in interrupted}
        known = (*OPERATIONS, *self.context.more)
        self.nouns = tuple(noun for noun in known if noun in self.nouns or noun in touched)
        seen = self._look()
        self._tell_of(interrupted, seen, journal)
        states = [_state(seen.items)]
        oscillating: frozenset[str] = frozenset()
        rounds = 0
        with LocalMachine(self.context, self.say) as machine:
            if self.on_machine:
                self.on_machine(machine)
            while rounds < MOST_ROUNDS:
                plan = make_plan(item for item in seen.items if item.noun != self.later)
                settled = {name: o for name, o in self.outcomes.items() if o.status in ("failed", "manual")}
                refused = refusals(plan, self.consent, machine, settled)
                self._warn(refused.values())
                settled |= refused
                self.outcomes |= settled
                if not plan.startable(settled):
                    self.outcomes |= _waiting(plan, settled)
                    break
                rounds += 1
                self.listener(Event("round", text=str(rounds), total=len(plan.steps)))
                with self._system_lock(plan.reaches_system(settled), lock_timeout):
                    results = run_plan(plan, machine, journal, settled, self.listener)
                self.outcomes |= {outcome.step.id: outcome for outcome in results.outcomes}
                self.bugs += results.bugs
                seen = self._look()
                states.append(_state(seen.items))
                if states[-1] in states[:-1]:
                    oscillating = _moving(states)
                    break
        self._close(journal)
        items = judged(seen.items, self.outcomes.values(), oscillating)
        return Report(
            items, tuple(self.outcomes.values()), rounds, _since(began), acted=True,
            bugs=(*self.bugs, *seen.bugs),
        )  # fmt: skip

    def _tell_of(self, interrupted: Iterable[str], seen: Look, journal: Journal) -> None:
        """Say what became of the steps that an earlier run did not end."""
        found = {item.id: item.status for item in seen.items}
        ended = {name: f"checked again: {found.get(name, 'skipped')}" for name in interrupted}
        for name, status in list(ended.items())[:MOST_TOLD]:
            self.say(f"an interrupted run left {name} unfinished; {status}")
        if len(ended) > MOST_TOLD:
            self.say(f"an interrupted run left {len(ended) - MOST_TOLD} more steps unfinished; checked again")
        journal.done(ended)

    def _close(self, journal: Journal) -> None:
        journal.trim()
        if journal.lost:
            self.say(f"the journal was not written, so the next run does not know where this one was: {journal.lost}")

    def _warn(self, refused: Iterable[Outcome]) -> None:
        """Say what needs rights that are missing before the first write, as the writes may take minutes."""
        for outcome in refused:
            if outcome.code == "sudo-missing":
                self.say(f"cannot {outcome.step.change}: {outcome.because}; {outcome.hint}")

    def _look(self) -> Look:
        return look(self.context, self.nouns)

    def _system_lock(self, needed: bool, timeout: float | None) -> contextlib.AbstractContextManager[None]:
        from converge import lock  # saves 0.7 ms of a doctor without --fix

        if not needed:
            return contextlib.nullcontext()
        return lock.hold(lock.system(), timeout, self.say, "this machine")


def _waiting(plan: Plan, settled: Mapping[str, Outcome]) -> dict[str, Outcome]:
    from converge.apply import blocked  # saves 6 ms of a doctor without --fix

    stopped = plan.stopped(settled)
    return {step.id: blocked(step, stopped[step.id]) for step in plan.steps if step.id not in settled}


_State = dict[str, tuple[str, str]]


def _state(items: Iterable[Item]) -> _State:
    return {item.id: (item.status, item.found) for item in items}


def _moving(states: Sequence[_State]) -> frozenset[str]:
    """Ids that changed on the way from the last state's first appearance back to it; none if nothing moved at all."""
    loop = states[states.index(states[-1]) :]
    names = {name for state in loop for name in state}
    return frozenset(name for name in names if len({state.get(name) for state in loop}) > 1)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
