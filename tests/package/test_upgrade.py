"""`./dev upgrade` edits version and sha256 of the launcher alone, and says what changes."""

from __future__ import annotations

import difflib
import subprocess
from typing import Any

import pytest

from tests import artefacts
from tests.conftest import TOOL
from tests.package.conftest import Repository

STATE = 'schema = 1\n[project]\nname = "x"\ndev = ">=9.0,<9.2"\n'


def upgrade(repository: Repository, *argv: str) -> subprocess.CompletedProcess[str]:
    line = [str(TOOL / "dev"), "-C", str(repository.path), "upgrade", *argv]
    return subprocess.run(line, env=repository.env, capture_output=True, text=True, timeout=60)


def test_a_repository_gets_a_launcher_and_later_another_pin(repository: Repository) -> None:
    (repository.path / "desired_state.toml").write_text(STATE)
    sums = {version: repository.publish(version) for version in ("9.0.0", "9.1.0", "9.2.0")}
    launcher = repository.path / "dev"
    made = upgrade(repository, "9.0.0")
    assert made.returncode == 0, made.stderr
    assert sums["9.0.0"] in made.stdout and "commit it" in made.stderr
    assert repository.run("x").stdout == f"{repository.path}|x\n"
    launcher.write_text(before := launcher.read_text() + "# a line of the team\n")
    assert upgrade(repository, "--check").returncode == 2
    assert launcher.read_text() == before
    done = upgrade(repository)
    assert done.returncode == 0, done.stderr
    assert "What is new in 9.1.0" in done.stdout
    assert "new in 9.0.0" not in done.stdout and "new in 9.2.0" not in done.stdout
    changed = [
        line for line in difflib.ndiff(before.splitlines(), launcher.read_text().splitlines()) if line[0] in "+-"
    ]
    assert len(changed) == 2 and f"VERSION=9.1.0 SHA256={sums['9.1.0']} #" in changed[1]
    assert launcher.stat().st_mode & 0o111
    again = upgrade(repository)
    assert again.returncode == 0 and "already" in again.stderr
    assert repository.run("x").stdout == f"{repository.path}|x\n"


@pytest.mark.parametrize(
    ("dev", "argv", "code", "said"),
    [
        (None, ["9.2.0"], 65, "desired_state.toml:4"),
        (None, ["9.7.0"], 3, "could not be downloaded"),
        (None, ["newest"], 64, "one version"),
        ("#!/bin/sh\necho ours\n", [], 4, "not a launcher"),
        ("#!/bin/sh\nVERSION= SHA256= # none\n", [], 4, "git pull"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(
    repository: Repository, dev: str | None, argv: list[str], code: int, said: str
) -> None:
    (repository.path / "desired_state.toml").write_text(STATE)
    repository.publish("9.2.0")
    if dev is not None:
        (repository.path / "dev").write_text(dev)
    ran = upgrade(repository, *argv)
    assert (ran.returncode, said in ran.stderr) == (code, True), ran.stderr
    assert not (repository.path / "dev").exists() if dev is None else (repository.path / "dev").read_text() == dev


@pytest.mark.parametrize(
    "files",
    [
        {"dotslash_dev/__init__.py": ""},
        {"dotslash_dev/tool/CHANGELOG.md": "## 9.9.0\n"},
        {"dotslash_dev/tool/CHANGELOG.md": b"\xff\xfe", "dotslash_dev/tool/dev": b"\x80"},
    ],
)
def test_a_package_of_another_project_is_not_taken(repository: Repository, files: dict[str, Any]) -> None:
    (repository.path / "desired_state.toml").write_text('schema = 1\n[project]\nname = "x"\n')
    artefacts.package(repository.index, "dotslash_dev", "9.9.0", files)
    ran = upgrade(repository)
    assert ran.returncode == 4 and "is not this tool" in ran.stderr and "PIP_INDEX_URL" in ran.stderr, ran.stderr
    assert not (repository.path / "dev").exists()
