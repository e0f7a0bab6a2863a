"""`./dev test --fix`: the formatter and the linter's own repairs over the tool, and which files they changed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from cli import render
from cli.testing import own
from converge.errors import Exit
from converge.tool import TOOL


def run() -> int:
    """Repair and format the tool's files; exit code 3 if the linter still finds something."""
    env = own.environment()
    listed = subprocess.run([*_RUFF, "check", "--show-files", "."], cwd=TOOL, env=env, capture_output=True, text=True)
    files = [Path(line) for line in listed.stdout.splitlines()]
    before = _contents(files)
    lint = subprocess.run([*_RUFF, "check", "--fix", "--quiet", "."], cwd=TOOL, env=env)
    form = subprocess.run([*_RUFF, "format", "--quiet", "."], cwd=TOOL, env=env)
    after = _contents(files)
    for path in files:
        if before.get(path) != after.get(path):
            render.out(f"changed {path.relative_to(TOOL)}")
    if before == after:
        render.say("nothing to change")
    left = listed.returncode or lint.returncode or form.returncode
    return int(Exit.NOT_CONVERGED if left else Exit.OK)


_RUFF = (own.PYTHON, "-m", "ruff")


def _contents(files: list[Path]) -> Mapping[Path, bytes]:
    return {path: path.read_bytes() for path in files if path.is_file()}
