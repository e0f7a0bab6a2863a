"""`./dev lock --check` says whether the lock is for the pins, without network and without trust in the checkout."""

from __future__ import annotations

import tomllib

import pytest

from converge import lock_check, schema
from tests.conftest import TOOL, Checkout

LOCK = tomllib.loads((TOOL / "desired_state.lock").read_text("utf-8"))
STATE = (TOOL / "desired_state.toml").read_text("utf-8")
LOCKABLE = ("go", "node", "uv", "python", "air", "postgres", "delve", "debugpy", "docker-compose")


def test_the_lock_of_this_repository_is_for_its_pins() -> None:
    assert list(lock_check.stale(schema.parse(STATE.encode()), LOCK, LOCKABLE)) == []


@pytest.mark.parametrize(
    ("tools", "images", "told"),
    [
        ({"node": {"version": "1.2.3"}}, {}, ["node 24.19.0 is pinned", "the lock has 1.2.3"]),
        ({"node": None}, {}, ["node 24.19.0 is pinned", "the lock has nothing"]),
        ({"node": {}}, {}, ["node 24.19.0 is pinned", "the lock has nothing"]),
        ({"rust": {"version": "1.0"}}, {}, ["rust is in the lock, and nothing needs it"]),
        ({}, {"redis:1": {"digest": "x"}}, ["the image redis:1 is in the lock, and nothing needs it"]),
    ],
)
def test_what_the_lock_lacks_or_has_too_much_is_said(
    tools: dict[str, object], images: dict[str, object], told: list[str]
) -> None:
    entries = {name: entry for name, entry in {**LOCK["tools"], **tools}.items() if entry is not None}
    (clause,) = lock_check.stale(schema.parse(STATE.encode()), {"tools": entries, "images": images}, LOCKABLE)
    assert all(word in clause for word in told)


def test_a_check_writes_nothing_and_needs_no_trust(checkout: Checkout) -> None:
    checkout.state('[tools]\nnode = "1.2.3"\n')
    checkout.write("desired_state.lock", "schema = 1\n[tools.node]\nversion = '1.2.4'\n")
    line = (checkout.path / "desired_state.toml").read_text("utf-8").splitlines().index('node = "1.2.3"') + 1
    before = sorted(checkout.path.rglob("*"))
    asked = checkout.dev("lock", "--check", env={"DEV_TRUST": None})
    assert asked.code == 2
    assert f"node 1.2.3 is pinned (desired_state.toml:{line}), and the lock has 1.2.4" in asked.out + asked.err
    assert sorted(checkout.path.rglob("*")) == before
