"""No test waits by sleeping: it waits for a condition, or says that the time itself is what it is about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PROGRAMS = ("handoff/programs/*", "handoff/server.py", "handoff/load.py", "foreign/repository/*", "runtime/callers.py",
            "runtime/programs.py", "promises/liar.py")  # fmt: skip
"""Programs that tests run; how these spend their time is their own affair."""
HELPERS = ("elapse", "holds")
"""Functions that sleep beside those whose name says that they wait for a condition."""


def sleeps(tree: ast.AST, inside: str = "") -> Iterator[int]:
    """Lines that call a `sleep`, in whichever module it is, outside of a function that waits for a condition."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from sleeps(node, node.name)
            continue
        name = getattr(node, "func", None)
        called = getattr(name, "attr", "") or getattr(name, "id", "")
        if called == "sleep" and inside not in HELPERS and not any(word in inside for word in ("wait", "settle")):
            yield node.lineno  # type: ignore[attr-defined]
        yield from sleeps(node, inside)


FILES = [
    path for path in sorted(TESTS.rglob("*.py")) if not any(path.relative_to(TESTS).match(each) for each in PROGRAMS)
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_waits_by_sleeping(path: Path) -> None:
    found = [f"{path.relative_to(TESTS)}:{line}" for line in sleeps(ast.parse(path.read_text("utf-8")))]
    assert found == [], "wait for a condition with `wait_until`; for time that a test is about there is `elapse`"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("import time\ntime.sleep(1)", [2]),
        ("from time import sleep\ndef test_x():\n    for _ in x:\n        sleep(0.1)", [4]),
        ("async def test_x():\n    await asyncio.sleep(1)", [2]),
        ("def wait_for(x):\n    while not x():\n        time.sleep(0.05)", []),
        ("run('python -c \"time.sleep(60)\"')", []),
        ("def test_x():\n    def wait_a_bit():\n        time.sleep(1)\n    time.sleep(2)", [4]),
    ],
)
def test_a_sleep_is_found_wherever_it_is(text: str, lines: list[int]) -> None:
    assert list(sleeps(ast.parse(text))) == lines
