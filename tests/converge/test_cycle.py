"""Look, decide, act, look again: what a repair promises, with a noun that goes wrong in every way."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from converge import cycle, operations, schema
from converge.consent import Consent
from converge.desired import Loaded
from converge.errors import DevError, Exit
from converge.instance import Instance
from converge.journal import Journal
from converge.lock import hold
from converge.report import Report
from converge.steps import Outcome, Step
from tests.conftest import bound


@pytest.fixture
def noun(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("noun_x", Path(__file__).with_name("noun.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "noun_x", module)
    monkeypatch.setitem(operations.OPERATIONS, "x", "noun_x")
    yield module


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Loaded, Instance]:
    """A checkout, with a store of its own: the lock of the machine is in it."""
    monkeypatch.setenv("DEV_STORE", str(tmp_path.parent / f"{tmp_path.name}-store"))
    loaded = schema.parse(b'schema = 1\n[project]\nname = "x"\n')
    return loaded, Instance(tmp_path, "x")


def fix(target: tuple[Loaded, Instance], consent: Consent | None = None) -> Report:
    return cycle.fix(*target, only=["x"], consent=consent)


def statuses(report: Report) -> dict[str, str]:
    return {item.id[2:]: item.status for item in report.items}


def test_second_run_has_nothing_to_do(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {}, "b": {"after": ["a"]}}
    first = fix(target)
    assert (first.exit_code, first.rounds, statuses(first)) == (Exit.OK, 1, {"a": "changed", "b": "changed"})
    second = fix(target)
    assert (second.exit_code, second.rounds, second.outcomes) == (Exit.OK, 0, ())
    assert noun.TAKEN == ["a", "b"]


def test_a_look_changes_nothing(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {}}
    report = cycle.doctor(*target, only=["x"])
    assert report.exit_code == Exit.DRIFT and noun.TAKEN == []
    assert report.document()["plan"][0]["change"] == "write a"
    assert list(target[1].checkout.iterdir()) == []


def test_success_that_cannot_be_seen_is_unverified(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {"does": "nothing"}}
    report = fix(target)
    assert statuses(report) == {"a": "unverified"} or statuses(report) == {"a": "oscillating"}
    assert report.exit_code == Exit.NOT_CONVERGED and len(noun.TAKEN) <= cycle.MOST_ROUNDS


def test_a_failure_blocks_its_descendants_only(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {"does": "fail"}, "b": {"after": ["a"]}, "c": {}}
    report = fix(target)
    assert statuses(report) == {"a": "failed", "b": "blocked", "c": "changed"}
    assert report.exit_code == Exit.NOT_CONVERGED and "b" not in noun.TAKEN


def test_a_bug_in_one_noun_is_reported_and_hides_no_other(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {"does": "break"}, "c": {}}
    report = fix(target)
    assert report.exit_code == Exit.BUG and "ZeroDivisionError" in report.bugs[0]
    assert statuses(report)["c"] == "changed"


def test_steps_that_undo_each_other_are_called_so(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {"does": "undo:b"}, "b": {"does": "undo:a", "after": ["a"]}}
    report = fix(target)
    assert "oscillating" in statuses(report).values()
    assert report.exit_code == Exit.NOT_CONVERGED


def test_system_steps_need_consent(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {"reach": "system"}, "b": {}}
    refused = fix(target)
    assert statuses(refused) == {"a": "manual", "b": "changed"} and refused.exit_code == Exit.NEEDS_HUMAN
    (left,) = refused.open
    assert "--yes" in left.hint and left.code == "consent-missing"
    asked: list[list[str]] = []

    def ask(steps: object) -> bool:
        asked.append([step.id for step in steps])  # type: ignore[attr-defined]
        return True

    agreed = fix(target, Consent(ask=ask, sudo_prompt=lambda: True))
    assert agreed.exit_code == Exit.OK and asked == [["x.a"]]


def test_consent_is_not_asked_again_for_a_step_that_repeats_an_earlier_one(
    noun: ModuleType, target: tuple[Loaded, Instance]
) -> None:
    noun.WANTED |= {"a": {"reach": "system"}, "b": {"reach": "system"}, "c": {"reach": "destructive"}}
    asked: list[str] = []

    def refuse(steps: object) -> bool:
        asked.extend(step.id for step in steps)  # type: ignore[attr-defined]
        return False

    again = frozenset({"x.a", "x.c"})
    report = fix(target, Consent(ask=refuse, again=again, sudo_prompt=lambda: True))
    assert statuses(report) == {"a": "changed", "b": "manual", "c": "manual"}, "a alone repeats what was agreed to"
    assert set(asked) == {"x.b"} and noun.TAKEN == ["a"]


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [("project", "project", True), ("project", "system", True), ("system", "system", False),
     ("system", "destructive", False), ("destructive", "destructive", False)],
)  # fmt: skip
def test_only_one_step_at_a_time_changes_the_system(
    noun: ModuleType, target: tuple[Loaded, Instance], one: str, other: str, meet: bool
) -> None:
    """Package managers lock each other out; steps of the checkout run side by side."""
    noun.WANTED |= {"a": {"reach": one, "does": "meet"}, "b": {"reach": other, "does": "meet"}}
    noun.PATIENCE = 30.0 if meet else 0.5
    consent = Consent(yes=True, allow=frozenset({"x.a", "x.b"}), sudo_prompt=lambda: True)
    assert fix(target, consent).exit_code == Exit.OK
    assert sorted(noun.TAKEN) == ["a", "b"] and sorted(noun.MET) == (["a", "b"] if meet else [])


def test_what_cannot_be_undone_needs_its_id(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {"reach": "destructive"}}
    assert fix(target, Consent(yes=True)).exit_code == Exit.NEEDS_HUMAN
    assert noun.TAKEN == []
    assert fix(target, Consent(allow=frozenset({"x.a"}))).exit_code == Exit.OK


def test_what_a_crash_left_is_looked_at_again(noun: ModuleType, target: tuple[Loaded, Instance]) -> None:
    noun.WANTED |= {"a": {}}
    Journal(target[1].dev / "journal").intent("x.a", "write a")
    said: list[str] = []
    report = cycle.fix(*target, only=["x"], listener=lambda event: said.append(event.text))
    assert report.exit_code == Exit.OK
    assert any("interrupted run left x.a" in text for text in said)
    assert Journal(target[1].dev / "journal").interrupted() == {}


def test_a_torn_journal_line_is_passed_over(target: tuple[Loaded, Instance]) -> None:
    path = target[1].dev / "journal"
    journal = Journal(path)
    journal.intent("x.a", "a")
    journal.done({"x.a": "changed"})
    journal.intent("x.b", "b")
    with path.open("ab") as file:
        file.write(b'{"half": ')
    assert tuple(Journal(path).interrupted()) == ("x.b",)


JOURNALS: dict[str, Callable[[Path], object]] = {
    "a named pipe": os.mkfifo,
    "a directory": Path.mkdir,
    "a directory with something in it": lambda path: (path / "below").mkdir(parents=True),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to a file of somebody": lambda path: path.symlink_to("../theirs"),
    "a link to a device": lambda path: path.symlink_to("/dev/full"),
    "a socket": bound,
    "a file that nobody may read": lambda path: path.touch(0),
    "no text": lambda path: path.write_bytes(b"\0\xff" * 100_000),
    "deep": lambda path: path.write_bytes(b"0 " + b"[" * 200_000),
}


@pytest.mark.parametrize("what", JOURNALS)
def test_a_journal_that_cannot_be_used_holds_no_repair_back(
    noun: ModuleType, target: tuple[Loaded, Instance], what: str
) -> None:
    noun.WANTED |= {"a": {}, "b": {"does": "fail"}}
    journal, theirs, said = target[1].dev / "journal", target[1].checkout / "theirs", list[str]()
    journal.parent.mkdir()
    theirs.write_text("kept")
    JOURNALS[what](journal)
    report = cycle.fix(*target, only=["x"], listener=lambda event: said.append(event.text))
    assert statuses(report) == {"a": "changed", "b": "failed"} and not report.bugs
    assert theirs.read_text() == "kept"
    written = journal.is_file() and not journal.is_symlink() and Journal(journal).records() != []
    told = [text for text in said if "the journal was not written" in text and str(journal) in text]
    assert written != bool(told), said


def test_only_one_run_at_a_time(target: tuple[Loaded, Instance], tmp_path: Path) -> None:
    import subprocess

    path = cycle.checkout_lock(target[1])
    path.parent.mkdir(parents=True)
    code = "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX)"
    code += "; print(1, flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout and holder.stdout.readline()
        with pytest.raises(DevError) as caught, hold(path, 0.2):
            pass
        assert (caught.value.code, caught.value.exit) == ("locked", Exit.LOCKED)
    finally:
        holder.kill()
        holder.wait()
    with hold(path, 0.2), hold(path, 0.2):
        pass


def test_an_unknown_noun_is_a_usage_error(target: tuple[Loaded, Instance]) -> None:
    with pytest.raises(DevError) as caught:
        cycle.doctor(*target, only=["moon"])
    assert caught.value.exit == Exit.USAGE


@pytest.mark.parametrize(
    ("code", "told"), [("sudo-missing", ["cannot write a: no sudo; ask"]), ("consent-missing", [])]
)
def test_missing_rights_are_told_before_the_first_write(
    target: tuple[Loaded, Instance], code: str, told: list[str]
) -> None:
    said: list[str] = []
    step = Step("x.a", "x", "write a", "it is absent")
    run = SimpleNamespace(say=said.append)
    cycle._Run._warn(run, [Outcome(step, "manual", "no sudo", code=code, hint="ask")])  # type: ignore[arg-type]
    assert said == told


@pytest.mark.parametrize(
    ("yes", "purpose", "left_out"),
    [(False, "start", set(cycle.SYSTEM_NOUNS)), (False, "test", set(cycle.SYSTEM_NOUNS)), (True, "test", {"docker"}),
     (True, "start", set())],
)  # fmt: skip
def test_a_start_prepares_the_system_with_consent_alone(
    target: tuple[Loaded, Instance], monkeypatch: pytest.MonkeyPatch, yes: bool, purpose: Any, left_out: set[str]
) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(cycle, "fix", lambda *words, later: asked.append(words))
    cycle.prepare(*target, yes=yes, lock_timeout=7, purpose=purpose, debuggers=frozenset({"delve"}))
    ((_, _, nouns, consent, _, timeout, why, debuggers),) = asked
    assert set(operations.OPERATIONS) - set(nouns) == left_out and consent.yes is yes
    assert (timeout, why, debuggers) == (7, purpose, {"delve"})
