"""`./dev --version`: the version of the tool, its commit where git can say it, and its Python."""

from __future__ import annotations

import platform
import subprocess

from converge.tool import TOOL, VERSION
from facts import git


def text() -> str:
    """One line: `dev 0.2.0 (commit 3b8a4f1, Python 3.11.2)`."""
    commit = _commit()
    return f"dev {VERSION} ({f'commit {commit}, ' if commit else ''}Python {platform.python_version()})"


def _commit() -> str:
    """The commit of the tool's checkout; empty without git or outside of a repository."""
    if not (TOOL / ".git").exists():
        return ""  # an installed package, which may be below another repository
    argv = git.argv(TOOL, "rev-parse", "--short", "HEAD")
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=5, env=git.environment()
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
