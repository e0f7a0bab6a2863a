"""Doing the same with several things at once: all are done, also if one fails, and the failure arrives."""

from __future__ import annotations

import threading

import pytest

from converge import threads


@pytest.mark.parametrize("failing", [(), (2,), (1, 3)])
@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt])
def test_each_is_done_at_the_same_time_and_a_failure_arrives(
    failing: tuple[int, ...], problem: type[BaseException]
) -> None:
    together, done = threading.Barrier(3, timeout=20), []

    def act(number: int) -> None:
        together.wait()
        done.append(number)
        if number in failing:
            raise problem(number)

    if failing:
        with pytest.raises(problem):
            threads.each((1, 2, 3), act)
    else:
        threads.each((1, 2, 3), act)
    assert sorted(done) == [1, 2, 3]


def test_nothing_is_done_with_nothing() -> None:
    threads.each([], lambda _: pytest.fail("called"))
