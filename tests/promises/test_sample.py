"""Promises of the tool, each tried in a few of its cases; `python -m tests.promises --all` tries all of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.promises import promise, trial

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the oracles read /proc")
SEED = 1
PROMISES = promise.load()
SAMPLE = [(name, case) for name, each in PROMISES.items() for case in trial.sample(each, SEED)]


@pytest.mark.parametrize(("name", "case"), SAMPLE, ids=[f"{name} {case.id}" for name, case in SAMPLE])
def test_a_promise_is_kept(name: str, case: promise.Case, tmp_path: Path) -> None:
    result = trial.attempt(PROMISES[name], case, tmp_path, patience=3)  # other tests run at the same time
    if result.verdict == "untried":
        pytest.skip(result.why)
    assert result.verdict == "held", f"{PROMISES[name].promised}, but:\n{result.why}"


@pytest.mark.parametrize("name", PROMISES)
def test_cases_are_the_same_for_the_same_seed(name: str) -> None:
    first, second = PROMISES[name].cases(SEED), PROMISES[name].cases(SEED)
    ids = [case.id for case in first]
    assert ids == [case.id for case in second] and len(set(ids)) == len(ids) > 0
    sampled = [[case.id for case in trial.sample(PROMISES[name], SEED)] for _ in range(2)]
    assert sampled[0] == sampled[1] and set(sampled[0]) <= set(ids)
