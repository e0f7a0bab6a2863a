"""What each kind makes of an entry of the desired state.

A case is a file in golden/services/KIND or golden/infra/KIND: `entry` is the TOML, `programs` what is on PATH, `caller`
more of the caller's environment, `instance` and `secrets` what their names say. Each key of [expect] is a part of
`rendering.py`.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from converge import kinds, schema, tools
from converge.instance import Instance
from facts.engine import Engine
from runtime import infra, services
from runtime.docker import compose
from runtime.platform import Platform
from tests.conftest import HEAD, TOOL
from tests.kinds.rendering import INFRA, OPTIONAL, SERVICE, Place

GOLDEN = Path(__file__).with_name("golden")
CASES = sorted(GOLDEN.glob("*/*/*.toml"))
CONTAINER = "container"
"""The part of an infra case that Compose is asked for."""


def read(case: Path) -> dict[str, Any]:
    return tomllib.loads(case.read_text("utf-8"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of all programs that there are; nothing of this machine's environment is left."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    found = tmp_path / "bin"
    found.mkdir()
    monkeypatch.setenv("PATH", str(found))
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.with_suffix("").parts[-3:]))
def test_golden(case: Path, tmp_path: Path, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = read(case)
    for name in wanted.get("programs", ()):
        (machine / name).write_text("#!/bin/sh\n")
        (machine / name).chmod(0o755)
    for name, value in wanted.get("caller", {}).items():
        monkeypatch.setenv(name, value)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    place = Place(checkout, machine, wanted)
    parts = SERVICE if case.parent.parent.name == "services" else INFRA
    expected = {part: value for part, value in wanted["expect"].items() if part != CONTAINER}
    assert {part: place.plain(parts[part](place)) for part in expected} == expected
    kind = place.service.kind if parts is SERVICE else place.infra.kind
    assert kind == case.parent.name, "it lies with the cases of another kind"


def covered(section: str, kind: str) -> set[str]:
    """The parts that the cases of a kind have."""
    return {part for case in (GOLDEN / section / kind).glob("*.toml") for part in read(case)["expect"]}


@pytest.mark.parametrize("kind", kinds.SERVICES)
def test_every_service_kind_is_covered(kind: str) -> None:
    found = covered("services", kind)
    debugged = {"debug", "attach"} if services.load(kind).debugger else {"debug_refused"}
    missing = (SERVICE.keys() - OPTIONAL | debugged) - found
    assert not missing, f"add cases with {sorted(missing)} to tests/kinds/golden/services/{kind}/"
    assert found & {"run", "run_refused"}, f"add a case with `run` to tests/kinds/golden/services/{kind}/"


@pytest.mark.parametrize("kind", kinds.INFRA)
def test_every_infra_kind_is_covered(kind: str) -> None:
    missing = {*INFRA, CONTAINER} - covered("infra", kind)
    assert not missing, f"add cases with {sorted(missing)} to tests/kinds/golden/infra/{kind}/"


@pytest.mark.parametrize(
    ("section", "table"), [("services", kinds.SERVICES), ("infra", kinds.INFRA)], ids=["services", "infra"]
)
def test_every_case_is_of_a_kind_that_there_is(section: str, table: dict[str, Any]) -> None:
    assert {case.parent.name for case in CASES if case.parent.parent.name == section} == set(table)


@pytest.mark.parametrize(
    ("protocol", "load", "table"),
    [(services.ServiceKind, services.load, kinds.SERVICES), (infra.InfraKind, infra.load, kinds.INFRA)],
    ids=["services", "infra"],
)
def test_every_module_has_what_the_protocol_asks_for(protocol: type, load: Any, table: dict[str, Any]) -> None:
    """mypy does not see it, as modules are loaded by their names."""
    for kind in table:
        module = load(kind)
        for name in protocol.__annotations__:
            assert hasattr(module, name), f"{module.__name__} lacks {name}"
        for name, member in vars(protocol).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                asked = list(inspect.signature(member).parameters)[1:]
                offered = inspect.signature(getattr(module, name, lambda: None))
                assert list(offered.parameters) == asked, f"{module.__name__}.{name} takes {offered}, not {asked}"


@pytest.fixture(scope="module")
def containers() -> dict[str, Any]:
    """Our Compose file as Compose understands it, no variable set."""
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2 to read its own files: ./dev doctor --fix --only docker")
    ran = subprocess.run(
        [program, "-f", str(TOOL / "compose/infra.yaml"), "--env-file", os.devnull, "config", "--format", "json"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": os.devnull, "COMPOSE_PROFILES": "*"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)["services"]
    return found


@pytest.mark.parametrize("kind", kinds.INFRA)
def test_container(kind: str, containers: dict[str, Any]) -> None:
    """Image, ports and volumes of its container; `none` for a kind without one of its own."""
    (wanted,) = (
        found for case in (GOLDEN / "infra" / kind).glob("*.toml") if (found := read(case)["expect"].get(CONTAINER))
    )
    box = containers.get(kind)
    if box is None:
        assert wanted == "none"
        return
    ports = [f"{port['host_ip']}:{port['published']}:{port['target']}" for port in box["ports"]]
    volumes = [f"{volume['source'].removeprefix(f'{TOOL}/')}:{volume['target']}" for volume in box.get("volumes", ())]
    assert {"image": box["image"], "ports": ports, "volumes": volumes} == wanted


def test_what_is_declared_has_its_container_although_the_file_gives_it_a_profile(tmp_path: Path) -> None:
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2: ./dev doctor --fix --only docker")
    loaded = schema.parse(f"{HEAD}[infra.redis]\nport = 16379\n".encode())
    project = compose.Project(Platform(loaded, Instance(tmp_path, "story")), Engine("unix:///nowhere"), program)
    entry = project.entry(project.platform.infra["redis"])
    assert entry and entry.image == "redis:8" and entry.published
