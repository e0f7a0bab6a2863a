"""The wheel as pip, pipx and uv install it: from an index, in an environment of its own, for any repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from converge import tool
from tests import artefacts
from tests.conftest import TOOL, Checkout, Ran

FOREIGN = TOOL / "tests/foreign/repository"
STATE = """schema = 1
[project]
name = "elsewhere"
dev = ">=0.2,<1"
[infra.cache]
port = {port}
run = "python3 cache.py {{port}} {{data}}"
[services.seed]
kind = "command"
dev = "python3 seed.py {{cache.address}}"
once = true
needs = ["cache"]
[services.worker]
kind = "command"
dev = "python3 worker.py {{cache.address}}"
needs = ["seed"]
ready = {{ log = "seeded value: 42" }}
"""


class Installed(Checkout):
    """A repository in which an installed `dev` is called; nothing of it or its home was there before."""

    program = Path()

    cwd: Path | None = None

    def dev(self, *argv: str, env: Mapping[str, str | None] = {}, **_: object) -> Ran:
        found = self.environment({"DEV_TRUST": None, "DEV_STORE": None, "PYTHONPATH": "/nowhere", **env})
        ran = subprocess.run(
            [str(self.program), *argv], env=found, cwd=self.cwd or self.path, capture_output=True, text=True,
            timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "Traceback (most recent call last)" not in ran.stderr, ran.stderr
        return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dev` of an environment into which pip installed the wheel from an index on loopback; its packages are ours."""
    base = tmp_path_factory.mktemp("installed")
    shutil.copy(wheel, base)
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(base / "venv")], check=True)
    env = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
    with artefacts.index(base) as address:
        argv = [sys.executable, "-I", "-m", "pip", "--python", str(base / "venv/bin/python"), "--quiet", "install"]
        argv += ["--no-deps", "--no-compile", "--index-url", f"{address}/simple/", "dotslash-dev"]
        subprocess.run(argv, env=env, check=True, capture_output=True)
    subprocess.run([str(TOOL / "dev"), "--version"], check=True, capture_output=True)  # makes its environment
    ours = next((TOOL / ".dev/venv/lib").glob("python*/site-packages"))
    next((base / "venv/lib").glob("python*/site-packages")).joinpath("packages.pth").write_text(f"{ours}\n")
    return base / "venv/bin/dev"


@pytest.fixture
def foreign(tmp_path: Path, program: Path, free_port: Callable[[], int]) -> Iterator[Installed]:
    made = Installed(tmp_path / "fremdes Haus", tmp_path / "home")
    made.program = program
    made.home.mkdir()
    shutil.copytree(FOREIGN, made.path, ignore=shutil.ignore_patterns("front", "node_modules"))
    made.write("desired_state.toml", STATE.format(port=free_port()))
    yield made
    made.dev("--trust", "clean", "--force")
    made.end()


def test_it_brings_a_repository_up_that_has_nothing_of_ours(foreign: Installed) -> None:
    assert foreign.dev("--version").out.startswith(f"dev {tool.VERSION} (Python ")
    refused = foreign.dev("start")
    assert refused.code == 4 and "trust" in refused.err
    started = foreign.dev("--trust", "start")
    assert started.code == 0, started.err
    assert {entry["state"] for entry in foreign.components("--trust").values()} == {"ready"}
    again = foreign.dev("--trust", "start")
    assert again.code == 0 and "ready already" in again.err
    assert foreign.dev("--trust", "doctor").code == 0
    mine = [path.name for path in foreign.path.iterdir()]
    assert sorted(mine) == [".dev", "cache.py", "desired_state.toml", "seed.py", "worker.py"]
    assert foreign.dev("--trust", "stop").code == 0
    assert foreign.processes() == []


def test_without_a_desired_state_it_names_what_is_missing(foreign: Installed) -> None:
    (foreign.path / "desired_state.toml").rename(foreign.path / "kept")
    for argv in (["status"], ["start"], ["doctor", "--fix"]):
        ran = foreign.dev(*argv)
        assert ran.code == 64 and "there is no desired_state.toml" in ran.err
    (foreign.path / "kept").rename(foreign.path / "desired_state.toml")


def test_a_file_for_another_version_is_refused_with_its_line(foreign: Installed) -> None:
    text = (foreign.path / "desired_state.toml").read_text()
    foreign.write("desired_state.toml", text.replace(">=0.2,<1", ">=1") + "unknown = 1\n")
    ran = foreign.dev("--trust", "status")
    assert ran.code == 65 and "desired_state.toml:4" in ran.err and "./dev upgrade" in ran.err
    foreign.write("desired_state.toml", text)


def test_a_launcher_is_trusted_for_its_own_repository_alone(foreign: Installed) -> None:
    ours, other = {"DEV_WRAPPER": str(foreign.path)}, {"DEV_WRAPPER": str(foreign.home)}
    assert foreign.dev("export", "mise", env=ours).code == 0
    assert foreign.dev("export", "mise", env=other).code == 4
    assert foreign.dev("export", "mise").code == 4
    foreign.cwd = foreign.home
    away = foreign.dev("export", "mise", env=ours)
    assert away.code == 0 and f"working on {foreign.path}" in away.err
    assert foreign.dev("export", "mise").code == 64
    foreign.cwd = None
