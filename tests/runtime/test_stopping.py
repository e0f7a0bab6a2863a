"""`./dev stop` ends what runs, also where the desired state cannot be read any more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Checkout

PLATFORM = "".join(f"[services.{name}]\nkind = 'command'\ndev = 'exec sleep 1000'\n" for name in "ab")


BROKEN: dict[str, Callable[[Path], object]] = {
    "not TOML": lambda path: path.write_text(path.read_text() + "<<<<<<< HEAD\n"),
    "gone": lambda path: path.unlink(),
    "a broken local file": lambda path: path.with_name("desired_state.local.toml").write_text("[["),
}


@pytest.mark.parametrize("case", BROKEN)
def test_stop_ends_what_runs_without_a_desired_state(checkout: Checkout, case: str) -> None:
    checkout.state(PLATFORM)
    assert checkout.dev("start").code == 0 and len(checkout.processes()) >= 2
    BROKEN[case](checkout.path / "desired_state.toml")
    named = checkout.dev("stop", "a")
    assert named.code == 65 and checkout.processes(), "only a stop of all needs no declaration"
    ran = checkout.dev("stop")
    assert ran.code == 0 and "stopped a, b" in ran.err and "found by the records" in ran.err, ran.err
    assert checkout.processes() == []


def test_without_records_there_is_nothing_to_stop(checkout: Checkout) -> None:
    checkout.write("desired_state.toml", "[[")
    assert checkout.dev("stop").code == 65
