"""What machines really said, and the fact that it means; a case is a file in golden/."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from facts import auth, dependencies, docker, files, git, machine, packages, privileges, tools
from facts.probe import Probe, observe
from facts.value import Unknown

HERE = Path("/nowhere")
TOOL = Path(__file__).resolve().parents[2]
MADE_BY = {
    "facts/auth.py loose": [auth.loose((HERE,))],
    "facts/auth.py probe": [auth.probe(HERE, {}, (*auth.NAMES, "DYNO"))],
    "facts/dependencies.py probe": [dependencies.probe("x", [HERE], HERE, [str(HERE)])],
    "facts/docker.py kernel": [docker.kernel()],
    "facts/files.py probe": [files.probe("files", HERE)],
    "facts/files.py text": [files.text("text", HERE)],
    "facts/git.py ignored": [git.ignored("ignored", HERE, [".env", "a/.env"])],
    "facts/git.py probe": [git.probe(HERE)],
    "facts/machine.py probes": machine.probes(),
    "facts/packages.py manager": [packages.manager()],
    "facts/packages.py probe": [packages.probe("x", ("x",))],
    "facts/privileges.py probe": [privileges.probe()],
    "facts/tools.py probe": [tools.probe("go", "1.2.3", HERE)],
}
"""Each function that makes a `Probe`, by file and name -> what it makes."""
PROBES = {probe.name: probe for made in MADE_BY.values() for probe in made if isinstance(probe, Probe)}
CASES = sorted((Path(__file__).parent / "golden").glob("*.toml"))


class Said:
    """A machine that answers every probe with the same text."""

    is_local = False

    def __init__(self, text: str) -> None:
        self.text = text

    def run_script(self, script: str, deadline: float) -> str:
        nonce = next(line for line in script.splitlines() if " begin 0" in line).split("'")[1].split()[0]
        return f"{nonce} begin 0\n{self.text}\n{nonce} end 0\n"


def plain(value: Any) -> Any:
    if isinstance(value, Unknown):
        return "unknown"
    if is_dataclass(value) and not isinstance(value, type):
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(value).items() if v is not None}
    return list(value) if isinstance(value, tuple) else "none" if value is None else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_golden(case: Path) -> None:
    wanted = tomllib.loads(case.read_text("utf-8"))
    probe = PROBES[wanted["probe"]]
    fact = observe([Probe(probe.name, probe.sh, probe.parse)], Said(wanted["said"]))[probe.name]
    assert plain(fact) == wanted["fact"]


def makers(room: str) -> Iterator[str]:
    """Functions in which `Probe(…)` is called."""
    for path in sorted((TOOL / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
                if any(isinstance(called, ast.Name) and called.id == "Probe" for called in calls):
                    yield f"{path.relative_to(TOOL)} {node.name}"


def test_every_function_that_makes_a_probe_is_known_here() -> None:
    assert set(makers("facts")) == MADE_BY.keys(), "add to MADE_BY what it makes, and cases to golden/"


@pytest.mark.parametrize("room", ["converge", "runtime", "cli"])
def test_probes_are_made_by_facts_alone(room: str) -> None:
    assert list(makers(room)) == [], "a probe belongs to a noun in facts/, where golden cases are asked for"


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_has_a_case(name: str) -> None:
    assert any(tomllib.loads(case.read_text("utf-8"))["probe"] == name for case in CASES), f"golden/ lacks {name}"


def test_every_case_is_of_a_probe() -> None:
    assert {tomllib.loads(case.read_text("utf-8"))["probe"] for case in CASES} <= PROBES.keys()
