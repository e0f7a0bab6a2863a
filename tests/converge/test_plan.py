"""The plan is pure and ordered; the report gives one verdict for text, JSON and exit code."""

from __future__ import annotations

import pytest

from converge.errors import DevError, Exit
from converge.plan import make_plan
from converge.report import Report, judged
from converge.steps import Item, Outcome, Status, Step


def item(name: str, *after: str, status: Status = "drift") -> Item:
    return Item(name, "x", status, "a", "b", step=Step(name, "x", f"do {name}", "it differs", after=after))


def test_needs_come_first_and_ties_go_by_name() -> None:
    plan = make_plan([item("c"), item("a", "d"), item("d"), item("b", "c")])
    order = [step.id for step in plan.steps]
    assert order.index("d") < order.index("a") and order.index("c") < order.index("b")
    assert order == [step.id for step in make_plan([item("b", "c"), item("d"), item("a", "d"), item("c")]).steps]


@pytest.mark.parametrize(
    ("needs", "order"),
    [
        ({"b": (), "c": (), "a": ()}, "abc"),
        ({"c": (), "a": ("c",), "b": ()}, "bca"),
        ({"d": (), "a": ("d",), "c": ("b",), "b": ()}, "bcda"),
        ({"z": (), "a": ("z",), "y": ("z",), "b": ("a",)}, "zaby"),
    ],
)
def test_of_the_steps_that_may_run_the_first_by_name_runs_first(needs: dict[str, tuple[str, ...]], order: str) -> None:
    plan = make_plan([item(name, *after) for name, after in needs.items()])
    assert "".join(step.id for step in plan.steps) == order


def of_path(name: str, path: str) -> Item:
    step = Step(name, "files", f"make {path}", "it is absent", args={"path": path})
    return Item(name, "files", "drift", "absent", "there", step=step)


@pytest.mark.parametrize(
    ("inside", "outside", "waits"),
    [
        ("/c/conf/a.txt", "/c/conf", True),
        ("/c/conf/deep/er/a.txt", "/c/conf", True),
        ("conf/a.txt", "conf", True),
        ("/c/conf-old/a.txt", "/c/conf", False),
        ("/c/conf.d", "/c/conf", False),
        ("/c/conf", "/c/conf/a.txt", False),
    ],
)
def test_what_is_inside_a_directory_waits_for_the_directory(inside: str, outside: str, waits: bool) -> None:
    plan = make_plan([of_path("a-inside", inside), of_path("b-directory", outside)])
    assert plan.needs["a-inside"] == ({"b-directory"} if waits else frozenset())
    assert not waits or [step.id for step in plan.steps] == ["b-directory", "a-inside"]


def test_what_is_ok_is_not_planned_and_satisfies() -> None:
    plan = make_plan([item("a", "b"), item("b", status="ok")])
    assert [step.id for step in plan.steps] == ["a"] and plan.needs["a"] == frozenset()


def test_a_circle_is_our_bug() -> None:
    with pytest.raises(DevError) as caught:
        make_plan([item("a", "b"), item("b", "a")])
    assert caught.value.code == "plan-cycle"


def test_a_failure_concerns_its_descendants_only() -> None:
    plan = make_plan([item("a"), item("b", "a"), item("c", "b"), item("d")])
    assert plan.descendants("a") == {"b", "c"} and plan.ancestors("c") == {"a", "b"}
    assert plan.startable({"a"}) and not plan.startable({"a", "d"})


@pytest.mark.parametrize(
    ("statuses", "acted", "code"),
    [
        ([], False, Exit.OK),
        (["ok", "skipped", "changed"], True, Exit.OK),
        (["ok", "drift"], False, Exit.DRIFT),
        (["drift"], True, Exit.NOT_CONVERGED),
        (["drift", "manual"], False, Exit.NEEDS_HUMAN),
        (["manual", "unknown"], False, Exit.UNKNOWN),
        (["unknown", "failed"], True, Exit.NOT_CONVERGED),
        (["unverified", "manual"], True, Exit.NOT_CONVERGED),
        (["oscillating"], True, Exit.NOT_CONVERGED),
        (["blocked", "manual"], True, Exit.NEEDS_HUMAN),
    ],
)
def test_the_worst_status_decides(statuses: list[Status], acted: bool, code: Exit) -> None:
    report = Report(tuple(item(str(n), status=status) for n, status in enumerate(statuses)), acted=acted)
    assert report.exit_code == code
    assert report.document()["exit_code"] == code and report.document()["verdict"] == report.verdict


def test_our_bug_outweighs_everything() -> None:
    assert Report((item("a", status="ok"),), bugs=("Traceback",)).exit_code == Exit.BUG


def test_success_is_believed_only_when_seen() -> None:
    step = item("a").step
    assert step
    (seen,) = judged([item("a", status="drift")], [Outcome(step, "changed")], frozenset())
    assert seen.status == "unverified"
    (good,) = judged([item("a", status="ok")], [Outcome(step, "changed")], frozenset())
    assert good.status == "changed"
    (bad,) = judged([item("a", status="drift")], [Outcome(step, "failed", "no space", code="disk-full")], frozenset())
    assert (bad.status, bad.because, bad.code) == ("failed", "no space", "disk-full")
    (gone,) = judged([], [Outcome(step, "changed")], frozenset())  # it was an item only while it was wrong
    assert (gone.id, gone.status, gone.found) == ("a", "changed", step.change)
    assert judged([], [Outcome(step, "failed")], frozenset()) == ()
