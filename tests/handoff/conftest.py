"""The small platform, on the rig's engine or without any."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge import schema, tools
from tests.conftest import TOOL, Checkout
from tests.handoff.crowd import CALLS, GO, HTTP, NODE, PROGRAMS, PYTHON, Crowd, Language, crowd
from tests.handoff.platform import Platform
from tests.real import rig as rigs
from tests.real.place import lacks
from tests.real.rig import Rig


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """An engine that no other directory's tests have: another worker runs those of tests/real meanwhile."""
    if reason := lacks():
        pytest.skip(f"DOCKER IS NOT TESTED HERE: {reason}")
    with rigs.used(lambda text: print(text, file=sys.stderr)) as running, rigs.beside(running) as own:
        yield own


@pytest.fixture
def boxed(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> Iterator[Platform]:
    """Started with --docker."""
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    made = Platform(checkout, rig, free_port(), free_port())
    made.write()
    made.dev("start", "--docker")
    yield made
    made.end()
    checkout.dev("clean", "--force")
    assert made.container("echo-box") == made.container("dev-gateway") == ""
    assert checkout.processes() == []


@pytest.fixture
def bare(checkout: Checkout, free_port: Callable[[], int]) -> Iterator[Platform]:
    """Started natively, on a machine without Docker."""
    made = Platform(checkout, None, free_port(), free_port())
    made.write()
    made.dev("start")
    yield made
    made.end()
    made.dev("stop")
    assert checkout.processes() == []


@pytest.fixture(scope="session")
def program(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program of `programs/`, which every container can run."""
    made = tmp_path_factory.mktemp("go") / "programs"
    pinned = tools.home("go", str(schema.load(TOOL).desired.tools["go"])) / "bin" / "go"
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
    ran = subprocess.run([pinned, "build", "-o", made, "."], cwd=PROGRAMS, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return made


@pytest.fixture(scope="session")
def languages(program: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Language]:
    """Strict clients by name."""
    packages = tmp_path_factory.mktemp("httpx")
    lock = (TOOL / "services/catalog/requirements.txt").read_text().split()
    wanted = next(word for word in lock if word.startswith("httpx=="))
    install = [sys.executable, "-m", "pip", "install", "-q", "--target", str(packages), wanted]
    ran = subprocess.run(install, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    httpx = ("env", f"PYTHONPATH={packages}", "python3", str(PROGRAMS / "load_httpx.py"))
    return {
        "go": Language(GO, (str(program), "load"), (program,)),
        "h2c": Language(GO, (str(program), "load-h2c"), (program,)),
        "httpx": Language(PYTHON, httpx, (packages, PROGRAMS)),
        "node": Language(NODE, ("node", str(PROGRAMS / "load.mjs")), (PROGRAMS,)),
    }


@pytest.fixture(scope="module")
def many(
    rig: Rig, program: Path, free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crowd]:
    """Started with --docker, once for a file; its tests leave every service in its container."""
    base = tmp_path_factory.mktemp("crowd")
    checkout = Checkout(base / "zwölf Monde", base / "home")
    checkout.path.mkdir()
    checkout.home.mkdir()
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    made = crowd(checkout, rig, program, {name: free_port() for name in (*HTTP, *CALLS, "raw")})
    try:
        made.dev("start", "--docker")
        yield made
    finally:
        made.end()
        made.sweep()
        checkout.dev("clean", "--force")
        for pid in checkout.processes():
            os.kill(pid, signal.SIGKILL)
    assert made.container("echo-box") == made.container("dev-gateway") == ""
