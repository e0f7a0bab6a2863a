"""Packages that fail to install, or never end, hold back what needs them and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import preparing
from cli.context import Context
from cli.start import refuse_open
from converge.errors import DevError
from facts import processes
from tests.conftest import TOOL, Checkout, wait_until

NPM = """#!/bin/sh
case $PWD in
*/bad) echo "npm error code E404: no such package: left-padd" >&2; exit 1 ;;
*/silent) exit 3 ;;
*/slow) echo $$ >../slow.pid; while [ ! -e ../go ]; do sleep 0.05; done ;;
esac
mkdir -p node_modules
"""
RUNS = "dev = 'exec sleep 1000'\nstop_grace = 0.5\n"


@pytest.fixture
def place(checkout: Checkout) -> Iterator[Checkout]:
    """Services of kind node, whose npm does what their directory is named after."""
    for name in ("node", "npm"):
        checkout.write(f"bin/{name}", NPM if name == "npm" else "#!/bin/sh\necho v24.0.0\n", 0o755)
    checkout.env["PATH"] = f"{checkout.path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    rows = []
    for name in ("bad", "silent", "slow"):
        checkout.write(f"{name}/package-lock.json", "{}")
        rows.append(f"[services.{name}]\nkind = 'node'\npath = '{name}'\n{RUNS}")
    rows += [
        f"[services.{need}-user]\nkind = 'command'\nneeds = ['{need}']\n{RUNS}" for need in ("bad", "slow", "free")
    ]
    checkout.state("".join([*rows, f"[services.free]\nkind = 'command'\n{RUNS}"]))
    yield checkout
    (checkout.path / "go").touch()


def states(checkout: Checkout) -> dict[str, str]:
    return {name: entry["state"] for name, entry in checkout.components().items()}


def ready(checkout: Checkout) -> set[str]:
    return {name for name, state in states(checkout).items() if state == "ready"}


def begun(place: Checkout, said: Path) -> subprocess.Popen[str]:
    with said.open("w") as file:
        return subprocess.Popen(
            [str(TOOL / "dev"), "-C", str(place.path), "start"], env=place.environment(), cwd=place.path,
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, text=True,
        )  # fmt: skip


def test_the_others_start_meanwhile_and_a_failure_is_said_when_it_happens(place: Checkout, tmp_path: Path) -> None:
    said = tmp_path / "said"
    start = begun(place, said)
    try:
        wait_until((place.path / "slow.pid").exists, 60)
        wait_until(lambda: ready(place) >= {"free", "free-user"}, 60)
        wait_until(lambda: "failed: npm ended with 1: code E404: no such package" in said.read_text(), 60)
        assert start.poll() is None and not {"slow", "slow-user", "bad"} & ready(place)
        (place.path / "go").touch()
        assert start.wait(60) == 3
    finally:
        start.kill()
    assert ready(place) == {"slow", "slow-user", "free", "free-user"}
    text = said.read_text()
    assert "the dependencies of bad could not be installed\n  because npm ended with 1: code E404" in text
    assert "bad-user     not started: bad is not ready" in text and "npm ended with 3" in text
    place.write("bin/npm", "#!/bin/sh\nmkdir -p node_modules\n", 0o755)
    assert place.dev("start").code == 0 and len(ready(place)) == 7


def test_a_start_that_is_ended_ends_the_installation(place: Checkout, tmp_path: Path) -> None:
    start = begun(place, tmp_path / "said")
    try:
        wait_until((place.path / "slow.pid").exists, 60)
        wait_until(lambda: (place.path / "slow.pid").read_text().strip(), 60)
        start.send_signal(signal.SIGINT)
        assert start.wait(30) == 130
    finally:
        start.kill()
    npm = int((place.path / "slow.pid").read_text())
    wait_until(lambda: "npm" not in processes.command(npm))
    (place.path / "go").touch()
    place.write("bin/npm", "#!/bin/sh\nmkdir -p node_modules\n", 0o755)
    assert place.dev("start").code == 0, "one more start heals"


@pytest.mark.parametrize(
    ("kinds", "without", "refused"),
    [
        ({"one": "go", "two": "node"}, {"one"}, False),
        ({"one": "go", "two": "node", "three": "go"}, {"one", "three"}, False),
        ({"one": "node", "two": "node"}, set(), False),
        ({"one": "go"}, set(), True),
        ({"one": "go", "two": "command"}, set(), True),
    ],
)
def test_a_tool_that_cannot_be_had_holds_back_what_needs_it(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, kinds: dict[str, str], without: set[str], refused: bool
) -> None:
    """A command of one's own may use any tool."""
    monkeypatch.setenv("HOME", str(checkout.home))
    monkeypatch.setenv("DEV_STORE", str(checkout.home / "store"))
    rows = [f"[services.{name}]\nkind = '{kind}'\n" + RUNS * (kind == "command") for name, kind in kinds.items()]
    checkout.state("[tools]\ngo = '9.9.9'\n" + "".join(rows))
    checkout.write("desired_state.lock", 'schema = 1\n[tools.go]\nversion = "9.9.9"\npackage = "x"\n')
    context = Context(checkout.path)
    prepared = preparing.prepare(context, context.platform.components, None, False, "start")
    assert set(prepared.obstacles) == without and not prepared.lacking
    assert {each.code for each in prepared.obstacles.values()} <= {"dependencies-failed"}
    found = {item.id for item in prepared.report.open if item.noun == "tools"}
    assert ("tools.go" in found) == refused
    if found and refused:
        with pytest.raises(DevError) as caught:
            refuse_open(prepared.report)
        assert caught.value.what.startswith("go is ")
