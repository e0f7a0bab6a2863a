"""Looking at a checkout that is not trusted runs nothing of it, ends, and says what it shows in plain text."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facts import processes
from tests.conftest import NO_ENGINE
from tests.trust import hostile
from tests.trust.hostile import Hostile

LOOKS = (("status",), ("doctor",), ("facts", "--json"), ("logs",), ("env", "w"), ("stop",))
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


@pytest.fixture(scope="module")
def victim() -> Iterator[processes.Process]:
    """A process of this user that has nothing to do with any checkout."""
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    found = processes.read(child.pid)
    assert found
    yield found
    child.kill()
    child.wait()


@pytest.fixture(scope="module")
def listeners() -> Iterator[dict[str, socket.socket]]:
    """A port and a socket to which nothing should connect."""
    with (
        tempfile.TemporaryDirectory() as directory,  # not below the test's own: the path of a socket must be short
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.create_server(f"{directory}/engine", family=socket.AF_UNIX) as unix,
    ):
        for each in (tcp, unix):
            each.setblocking(False)
        yield {f"tcp://127.0.0.1:{tcp.getsockname()[1]}": tcp, f"unix://{directory}/engine": unix}


def addresses(listeners: dict[str, socket.socket]) -> dict[str, str]:
    """Their addresses by kind."""
    return {address.partition(":")[0]: address for address in listeners}


@pytest.fixture(scope="module")
def corpus(
    tmp_path_factory: pytest.TempPathFactory, victim: processes.Process, listeners: dict[str, socket.socket]
) -> list[Hostile]:
    """Every hostile checkout, each with a place for its canaries."""
    base = tmp_path_factory.mktemp("hostile")
    found = []
    for number, make in enumerate(hostile.ALL.values()):
        it = Hostile(base / f"c{number}", base / f"canaries{number}", victim, addresses(listeners))
        it.path.mkdir()
        it.canaries.mkdir()
        make(it)
        found.append(it)
    return found


def looked_at(it: Hostile, home: Path, looks: tuple[tuple[str, ...], ...] = LOOKS, **env: str) -> dict[str, Any]:
    """The commands on the checkout, started inside of it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    environment = {
        **kept,
        "HOME": str(home),
        "DOCKER_HOST": NO_ENGINE,
        "DEV_STORE": str(home / "store"),
        **it.env,
        **env,
    }
    commands = [["-C", str(it.path), *argv] for argv in looks]
    return {"name": it.path.name, "env": environment, "cwd": str(it.path), "commands": commands}


def run(jobs: list[dict[str, Any]], directory: Path) -> list[dict[str, Any]]:
    """What became of each command."""
    argv = [sys.executable, "-I", str(Path(__file__).with_name("looker.py")), str(directory)]
    ran = subprocess.run(argv, input=json.dumps(jobs), capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stderr
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def test_looks_run_nothing_of_a_hostile_checkout(
    corpus: list[Hostile], tmp_path: Path, victim: processes.Process, listeners: dict[str, socket.socket]
) -> None:
    assert len(corpus) >= 60
    before = {it.path: listing(it.path) for it in corpus}
    found = run([looked_at(it, tmp_path) for it in corpus], tmp_path)
    names = dict(zip((it.path.name for it in corpus), hostile.ALL, strict=True))
    said = {f"{names[each['name']]}: {each['argv'][2]}": each for each in found}
    assert len(said) == len(corpus) * len(LOOKS)
    assert [name for it, name in zip(corpus, hostile.ALL, strict=True) if any(it.canaries.iterdir())] == []
    assert [name for name, each in said.items() if each["code"] is None] == [], "they hang"
    broken = {name: each["err"] for name, each in said.items() if "itself failed" in each["out"] + each["err"]}
    broken |= {name: each["err"] for name, each in said.items() if each["code"] not in (0, 2, 3, 4, 5, 64, 65)}
    assert broken == {}
    raw = {name for name, each in said.items() if CONTROL.search(COLOUR.sub("", each["out"] + each["err"]))}
    assert raw == set()
    alive = processes.read(victim.pid)
    assert alive and alive.identity == victim.identity
    for listener in listeners.values():
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert {path: listing(path) for path in before} == before, "a look writes nothing into such a checkout"


def listing(path: Path) -> list[str]:
    """Every name below the directory."""
    return sorted(os.path.join(place, name) for place, inner, names in os.walk(path) for name in (*inner, *names))
