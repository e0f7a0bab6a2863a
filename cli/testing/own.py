"""The suites of the tool itself, and the environment they run in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cli import bootstrap
from cli.testing.suite import Suite
from converge import supply, tools
from converge.desired import Loaded
from converge.errors import DevError
from converge.tool import TOOL

GROUPS = ("tool", "emulator")
"""Groups of suites of the tool itself."""
PYTHON = str(bootstrap.directory(TOOL, "test") / "bin/python")
"""The Python of the test environment, which `environment` makes."""
SHARED = ("-n", str((os.cpu_count() or 1) + 1), "--dist=loadscope")
"""pytest's arguments for many tests: they mostly wait for other programs, so one more at once than there are cores."""


def suites(loaded: Loaded, junit: Path | None, extra: tuple[str, ...]) -> Iterator[Suite]:
    """All suites of the tool; with words for the test runner only those that have one."""
    if not extra:
        yield Suite("tool:lint", "ruff check of the tool", (PYTHON, "-m", "ruff", "check", "."), TOOL, environment)
        argv: tuple[str, ...] = (PYTHON, "-m", "ruff", "format", "--check", ".")
        yield Suite("tool:format", "ruff format --check of the tool", argv, TOOL, environment)
        yield Suite("tool:types", "mypy --strict of the tool", (PYTHON, "-m", "mypy"), TOOL, environment)
        argv = ("go", "test", "./...")
        about = "Go tests of the Pub/Sub emulator"
        yield Suite("emulator", about, argv, TOOL / "compose/pubsub", lambda: _go(loaded))
    yield pytest(SHARED, junit, extra)


def pytest(arguments: Sequence[str], junit: Path | None, extra: tuple[str, ...]) -> Suite:
    """The tool's own tests, with these arguments for pytest."""
    report = (f"--junitxml={junit / 'tool.xml'}",) if junit else ()
    argv = (PYTHON, "-m", "pytest", "-q", *arguments, *report, *extra)
    return Suite("tool:tests", "pytest of the tool, tests/", argv, TOOL, environment)


def environment() -> Mapping[str, str]:
    """Make the test environment if it is missing; the variables that its programs get."""
    try:
        bootstrap.ensure(TOOL, "test")
    except bootstrap.BootstrapError as problem:
        raise DevError("test-environment", "the tests' own packages are missing", because=str(problem)) from None
    return {
        **os.environ,
        "MYPY_CACHE_DIR": str(TOOL / ".dev/cache/mypy"),
        "RUFF_CACHE_DIR": str(TOOL / ".dev/cache/ruff"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _go(loaded: Loaded) -> dict[str, str]:
    env = environment()
    path = [*tools.path_entries(loaded), env.get("PATH", os.defpath)]
    return {**supply.go_environment(), "PATH": os.pathsep.join(path)}
