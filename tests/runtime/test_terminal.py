"""A service that wants a terminal gets one with `tty = true`; without it, one that ends is told of it."""

from __future__ import annotations

import pytest

from tests.conftest import Checkout, wait_until

WATCHER = "cat >/dev/null; exit 0"
"""What tailwindcss and esbuild do: end with their standard input."""
PICKY = "test -t 0 || { echo the input device is not a TTY; exit 1; }; exec sleep 1000"
BEHIND = "setsid -f sleep 1000"


def state(dev: str, more: str = "", ready_after: float = 0.6) -> str:
    head = f"[services.a]\nkind = 'command'\nretries = 1\nready_after = {ready_after}\nstop_grace = 1.0\n"
    return f"{head}dev = '''{dev}'''\n{more}"


@pytest.mark.parametrize("dev", [WATCHER, PICKY, BEHIND], ids=["reads", "asks", "goes to the background"])
def test_what_ends_without_a_terminal_is_told_what_to_change(checkout: Checkout, dev: str) -> None:
    checkout.state(state(dev))
    started = checkout.dev("start")
    assert started.code == 3 and "tty = true" in started.err and "foreground" in started.err
    reason = checkout.components()["a"]["reason"]
    assert "foreground" in reason or "ended with 0" not in reason, "a later look says it too"
    checkout.dev("stop")
    assert checkout.processes() == []


@pytest.mark.parametrize("dev", [WATCHER, PICKY, "tty -s && stty size && exec sleep 1000"])
def test_with_a_terminal_it_runs(checkout: Checkout, dev: str) -> None:
    checkout.state(state(dev, "tty = true\n"))
    assert checkout.dev("start").code == 0
    assert checkout.components()["a"]["state"] == "ready"
    assert checkout.dev("stop").code == 0
    assert checkout.processes() == []


def test_its_output_is_what_it_writes_and_its_end_is_seen(checkout: Checkout) -> None:
    size = "python3 -c 'import os; print(os.get_terminal_size())'"
    dev = f'{size}; printf "one\\ntwo\\ttabs\\n"; : >/dev/tty && echo has a terminal; printf prompt; sleep 1; exit 7'
    checkout.state(state(dev, "tty = true\n", ready_after=20.0))
    started = checkout.dev("start")
    assert started.code == 3 and "ended with 7" in started.err
    log = (checkout.path / ".dev/instances/default/logs/a.log").read_bytes()
    assert b"\r" not in log
    for line in (b"columns=80, lines=24", b" one\n", b" two\ttabs\n", b"has a terminal\n", b"prompt"):
        assert line in log, line


def test_a_hang_up_of_its_terminal_is_not_left_behind(checkout: Checkout) -> None:
    checkout.state(state("sleep 1000 & sleep 1000", "tty = true\n"))
    assert checkout.dev("start").code == 0
    wait_until(lambda: len(checkout.processes()) >= 3)
    assert checkout.dev("stop").code == 0
    assert checkout.processes() == []
