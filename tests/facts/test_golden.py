"""What machines really said, and the fact that it means; a case is a file in golden/."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from facts import auth, dependencies, docker, env, files, git, machine, packages, privileges, tools
from facts.probe import Probe, observe
from facts.value import Unknown

HERE = Path("/nowhere")
PROBES = {
    probe.name: probe
    for probe in (
        *machine.probes(), docker.kernel(),
        privileges.probe(), packages.manager(), packages.probe("x", ("x",)), git.probe(HERE),
        files.probe("files", HERE), tools.probe("go", "1.2.3", HERE), dependencies.probe("x", HERE, HERE, HERE),
        *env.probes(HERE, {"KEY": "^pk_", "OTHER": None}),
        auth.probe(HERE, {}, (*auth.NAMES, "DYNO")), auth.loose((HERE,)),
    )
    if isinstance(probe, Probe)
}  # fmt: skip
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


def test_every_probe_has_a_case() -> None:
    assert {tomllib.loads(case.read_text("utf-8"))["probe"] for case in CASES} == set(PROBES)
