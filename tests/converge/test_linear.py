"""Work grows with the size of a desired state and not faster: counted in instructions at n and 4n, never timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from converge import apply, cycle, part, schema
from converge.context import context_of
from converge.desired import Loaded
from converge.instance import Instance
from converge.look import look
from converge.plan import Plan, make_plan
from converge.steps import Item, Outcome, Step
from runtime.platform import Platform

HEAD = 'schema = 1\n[project]\nname = "x"\n'
FEW = 40
MOST = 6.5
"""Times the work that four times the size may need; what grows with the square needs up to 16 times."""


def counted(work: Callable[[], object]) -> int:
    """Instructions of Python that it took."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def chain(name: str, count: int, more: str) -> str:
    """Services, each with a word about the next one."""
    rows = (f"[services.s{at}]\nkind = 'command'\ndev = 'x'\n{more.format(at + 1)}\n" for at in range(count - 1))
    return f"{HEAD}{''.join(rows)}[services.s{count - 1}]\nkind = 'command'\ndev = 'x'\nport = 20000\n"


STATES: dict[str, Callable[[int], str]] = {
    "generated variables": lambda n: (
        f"{HEAD}[env]\n" + "".join(f"A{at} = {{ generate = 'token' }}\n" for at in range(n))
    ),
    "files": lambda n: HEAD + "".join(f"[files.'d{at}/a']\ncontent = 'x'\n" for at in range(n)),
    "directories inside each other": lambda n: (
        HEAD + "".join(f"[files.'d{at // 20}{'/d' * (at % 20)}']\ndirectory = true\n" for at in range(n))
    ),
    "services": lambda n: (
        HEAD + "".join(f"[services.s{at}]\nkind = 'go'\nport = {10000 + at * 30}\n" for at in range(n))
    ),
    "needs in a row": lambda n: chain("s", n, "needs = ['s{}']"),
    "templates in a row": lambda n: chain("s", n, "port = 2{:04}\n").replace("dev = 'x'", "dev = 'x {port}'"),
    "databases": lambda n: f"{HEAD}[infra.postgres]\nport = 15432\ndatabases = {[f'd{at}' for at in range(n)]}\n",
    "topics": lambda n: (
        f"{HEAD}[infra.pubsub]\nport = 18085\n[infra.pubsub.topics]\n"
        + "".join(f"topic{at} = ['sub{at}']\n" for at in range(n))
    ),
}


def grows(work: Callable[[int], object]) -> None:
    few, many = counted(lambda: work(FEW)), counted(lambda: work(4 * FEW))
    assert many < MOST * few, (few, many, many / few)


@pytest.mark.parametrize("what", STATES)
def test_reading_a_desired_state(what: str) -> None:
    schema.parse(STATES[what](2).encode())  # what is imported and made once
    grows(lambda count: schema.parse(STATES[what](count).encode()))


def steps(count: int, after: Callable[[int], tuple[str, ...]], path: Callable[[int], str]) -> Plan:
    named = [
        (f"x.{at:04}", Step(f"x.{at:04}", "x", "do", "", after=after(at), args={"path": path(at)}))
        for at in range(count)
    ]
    return make_plan([Item(name, "x", "drift", "", "", step=step) for name, step in named])


PLANS: dict[str, Callable[[int], Plan]] = {
    "a chain": lambda n: steps(n, lambda at: (f"x.{at - 1:04}",), lambda at: f"/{at}"),
    "a chain from its end": lambda n: steps(n, lambda at: (f"x.{at + 1:04}",), lambda at: f"/{at}"),
    "directories 20 deep": lambda n: steps(n, lambda at: (), lambda at: f"/d{at // 20}{'/d' * (at % 20)}"),
    "nothing in common": lambda n: steps(n, lambda at: (), lambda at: f"/{at}"),
    "all after one": lambda n: steps(n, lambda at: ("x.0000",), lambda at: f"/{at}"),
}


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("what", PLANS)
def test_a_plan_whose_first_step_ends(what: str, fails: bool) -> None:
    """Each step is taken, or blocked by the failure of the first, without a machine."""

    def take_all(count: int) -> None:
        plan = PLANS[what](count)
        top = plan.steps[0]
        settled = {top.id: Outcome(top, "failed")} if fails else {}
        if not plan.startable(settled):
            cycle._waiting(plan, settled)
        queue = apply._Queue(plan, dict(settled), lambda event: None)
        while step := queue.take():
            queue.end(Outcome(step, "changed"))
        assert len(queue.outcomes) == count
        blocked = [each for each in queue.outcomes.values() if each.status == "blocked"]
        assert len(blocked) == (len(plan.descendants(top.id)) if fails else 0)

    take_all(2)
    grows(take_all)


def test_twenty_directories_inside_each_other_whose_top_cannot_be_made(tmp_path: Path) -> None:
    plan = PLANS["directories 20 deep"](20)
    assert [len(plan.needs[step.id]) for step in plan.steps] == [0, *[1] * 19]
    assert plan.stopped({"x.0000"}) == {f"x.{at:04}": "x.0000" for at in range(1, 20)}


def test_a_chain_that_is_longer_than_the_stack() -> None:
    plan = PLANS["a chain"](2 * sys.getrecursionlimit())
    last = plan.steps[-1].id
    assert len(plan.ancestors(last)) == len(plan.descendants("x.0000")) == len(plan.steps) - 1
    assert not plan.startable({"x.0000"}) and plan.stopped({"x.0000"})[last] == "x.0000"


@pytest.mark.parametrize("what", ["services", "needs in a row", "templates in a row"])
def test_what_is_chosen_of_a_platform(what: str, tmp_path: Path) -> None:
    def choose(count: int) -> None:
        platform = Platform(read(what, count), Instance(tmp_path, "x"))
        assert len(platform.chosen(None)) == count
        assert part.of(platform.loaded, list(platform.components)).desired.services

    choose(2)
    grows(choose)


@pytest.mark.parametrize(("what", "noun"), [("generated variables", "env"), ("files", "files")])
def test_what_is_compared(what: str, noun: str, tmp_path: Path) -> None:
    """Items and plan of a machine on which everything is missing."""

    def compare(count: int) -> None:
        context = context_of(read(what, count), Instance(tmp_path, "x"))
        plan = make_plan(look(context, [noun]).items)
        assert len(plan.steps) == count

    compare(2)
    grows(compare)


def read(what: str, count: int) -> Loaded:
    key = what, count
    if key not in READ:
        READ[key] = schema.parse(STATES[what](count).encode())
    return READ[key]


READ: dict[tuple[str, int], Loaded] = {}
