"""Somebody started a component with sudo: the owner of the checkout is told who it was, and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import HEAD, TOOL, Checkout
from tests.stranger import BECOME, UID, needs_root

SLEEPER = "[services.w]\nkind = 'command'\ndev = 'exec sleep 1000'\nready_after = 0.1\nstop_grace = 1.0\n"
RUN = f"""
sys.path[:0] = {[str(TOOL), sysconfig.get_path("purelib")]!r}
from cli import gate, main, render, stop
from converge import confined, own_files, trust
"""


@pytest.fixture
def place() -> Iterator[Checkout]:
    """A checkout of another user, prepared by root; pytest's own directory can be entered by root alone."""
    base = Path(tempfile.mkdtemp(prefix="dev-"))
    base.chmod(0o755)
    made = Checkout(base / "checkout", base / "home")
    for each in (made.path, made.home):
        each.mkdir()
    (made.path / "desired_state.toml").write_text(HEAD + SLEEPER)
    for each in (made.path, made.home, made.path / "desired_state.toml"):
        os.chown(each, UID, UID)
    yield made
    made.dev("--trust", "clean", "--force")
    made.end()
    shutil.rmtree(base)


def as_owner(checkout: Checkout, *argv: str) -> subprocess.CompletedProcess[str]:
    """`./dev` by the owner; modules come first, as the tool may lie where that user cannot go."""
    head, _, become = BECOME.partition("\n")
    words = ["-C", str(checkout.path), *argv]
    code = f"{head}\n{RUN}\n{become % (UID, UID)}\nsys.exit(main.main({words!r}))\n"
    env = checkout.environment({"HOME": str(checkout.home), "DEV_TRUST": "1"})
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    return subprocess.run(
        [python, "-I", "-B", "-c", code], capture_output=True, text=True, env=env, cwd="/", timeout=100
    )


@needs_root
def test_what_root_started_is_named_and_can_be_stopped(place: Checkout) -> None:
    if as_owner(place, "start").returncode or as_owner(place, "stop").returncode:
        pytest.skip("another user cannot run the tool here")
    assert place.dev("--trust", "restart").code == 0
    ran = as_owner(place, "stop")
    assert ran.returncode == 4 and "root has started it" in ran.stderr and "run ./dev stop as root" in ran.stderr, ran
    assert place.dev("--trust", "stop").code == 0
    for each in (place.path / ".dev", *(place.path / ".dev").rglob("*")):
        os.chown(each, UID, UID, follow_symlinks=False)
    assert as_owner(place, "stop").returncode == 0


@needs_root
def test_all_that_root_has_made_is_named(place: Checkout) -> None:
    if as_owner(place, "status").returncode not in (0, 2):
        pytest.skip("another user cannot run the tool here")
    shutil.rmtree(place.path / ".dev", ignore_errors=True)
    assert place.dev("--trust", "doctor", "--fix").code == 0
    for command, codes in (("stop", (4,)), ("status", (4,)), ("start", (4,)), ("logs", (4,)), ("doctor", (2, 4, 5))):
        ran = as_owner(place, command)
        assert ran.returncode in codes and "user root" in ran.stdout + ran.stderr, ran
        assert "itself failed" not in ran.stdout + ran.stderr, ran
