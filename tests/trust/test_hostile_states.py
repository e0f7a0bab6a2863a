"""A hostile desired state is looked at, and nothing of it runs: no program, no file, no hang, plain text only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError
from converge.schema import FILE
from facts import processes
from tests.schema import hostile
from tests.trust.hostile import Hostile
from tests.trust.test_hostile import COLOUR, CONTROL, listing, looked_at, run

LOOKS = (("status",), ("facts", "files"), ("env", "canary"), ("logs",), ("secrets", "list"), ("stop",))
"""Of a state that is taken, one of these is run beside `doctor`."""
STATES = {name: text for name, text in hostile.STATES.items() if len(text) < hostile.LARGE}
"""The large ones are looked at in `tests/schema/test_hostile.py`, without a process for each look."""
PLANTED = ("git", "sh", "touch", "docker", "id", "x", "go", "node", "python3", "uname", "df", "canary")
"""Programs in the checkout, which is first on PATH."""
EXECUTED = """
[services.canary]
kind = "command"
port = 20871
dev = "CANARY"
debug = "CANARY"
migrate = "CANARY"
test = "CANARY"
ready = { exec = "CANARY" }
[tests.suite]
command = "CANARY"
[tools]
go = "1"
node = "1"
[packages.canary]
command = "$(CANARY)|CANARY"
"""
"""What is added to a state that is taken: every key that has a command."""


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Hostile]:
    """Each state in a checkout with programs that leave a canary, under each name that a look or a state may run."""
    base, itself = tmp_path_factory.mktemp("states"), processes.read(os.getpid())
    assert itself
    found = {}
    for number, (name, text) in enumerate(STATES.items()):
        it = Hostile(base / f"s{number}", base / f"canaries{number}", itself, {})
        it.path.mkdir()
        it.canaries.mkdir()
        more = text + EXECUTED.replace("CANARY", it.touch).encode()
        it.write(FILE, more if (is_taken := taken(more)) else text)
        it.write("desired_state.lock", "schema = 1\n[tools]\n")
        for program in PLANTED if is_taken else PLANTED[:1]:
            it.program(program)
        it.env["PATH"] = f"{it.path}:.:{os.environ['PATH']}"
        found[name] = it
    return found


def taken(text: bytes) -> bool:
    """Whether the desired state is accepted."""
    try:
        schema.parse(text)
    except DevError:
        return False
    return True


def test_looks_run_nothing_of_a_hostile_state(checkouts: dict[str, Hostile], tmp_path: Path) -> None:
    before = {it.path: listing(it.path) for it in checkouts.values()}
    looks: dict[str, tuple[tuple[str, ...], ...]] = dict.fromkeys(checkouts, (("status",),))
    has_commands = [name for name, it in checkouts.items() if "canary" in (it.path / FILE).read_text("latin-1")]
    looks |= {name: (("doctor",), LOOKS[at % len(LOOKS)]) for at, name in enumerate(has_commands)}
    found = run([looked_at(it, tmp_path, looks[name]) for name, it in checkouts.items()], tmp_path)
    names = {it.path.name: name for name, it in checkouts.items()}
    said = {(names[each["name"]], each["argv"][2]): each for each in found}
    assert len(STATES) >= 250 and len(has_commands) >= 50 and len(said) == sum(map(len, looks.values()))
    assert [name for name, it in checkouts.items() if any(it.canaries.iterdir())] == []
    assert {path: listing(path) for path in before} == before, "a word of the state was run where one stands"
    assert [name for name, each in said.items() if each["code"] is None] == [], "they hang"
    broken = {name: each["err"] for name, each in said.items() if "itself failed" in each["out"] + each["err"]}
    broken |= {name: each["err"] for name, each in said.items() if each["code"] not in (0, 2, 3, 4, 5, 64, 65)}
    assert broken == {}
    raw = {name for name, each in said.items() if CONTROL.search(COLOUR.sub("", each["out"] + each["err"]))}
    assert raw == set()
    assert 65 not in {said[name, "doctor"]["code"] for name in has_commands}, "they are taken, with all their commands"
