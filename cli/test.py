"""`./dev test`: every test of the tool and of the platform, one summary."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cli import bootstrap, render
from cli.context import TOOL, Context
from cli.option import Argument, Option
from converge.errors import DevError, Exit


@dataclass(frozen=True)
class Suite:
    """One command that ends with 0 when all is well."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: dict[str, str] = field(default_factory=dict)


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME…", help="Suites to run: tool, or names of services.")] = None,
    junit: Annotated[str | None, Option("--junit", help="Directory for JUnit XML reports.")] = None,
    list_only: Annotated[bool, Option("--list", help="Only list the suites.")] = False,
) -> int:
    """Run every test of the tool and of the platform, or only the named suites."""
    suites = list(_suites(context, Path(junit).resolve() if junit else None))
    known = list(dict.fromkeys(suite.name.partition(":")[0] for suite in suites))
    for name in names or ():
        if name not in known:
            raise DevError(
                "unknown-suite",
                f"there is no suite {name!r}",
                because=f"the suites are {', '.join(known)}",
                hint="./dev test --list shows them",
                exit=Exit.USAGE,
            )
    if list_only:
        for name in known:
            render.out(name)
        return int(Exit.OK)
    chosen = [suite for suite in suites if not names or suite.name.partition(":")[0] in names]
    results = [(suite, *_run(suite)) for suite in chosen]
    render.out()
    for suite, code, seconds in results:
        verdict = render.style("passed", "green") if code == 0 else render.style(f"failed ({code})", "bold", "red")
        render.out(f"{suite.name:<18} {seconds:6.1f} s  {verdict}")
    failed = [suite.name for suite, code, _ in results if code]
    render.out(f"{len(results) - len(failed)} of {len(results)} suites passed")
    return int(Exit.NOT_CONVERGED if failed else Exit.OK)


def _suites(context: Context, junit: Path | None) -> Iterator[Suite]:
    if context.checkout == TOOL:
        yield from _tool(junit)


def _tool(junit: Path | None) -> Iterator[Suite]:
    try:
        python = str(bootstrap.ensure(TOOL, "test"))
    except bootstrap.BootstrapError as problem:
        raise DevError("test-environment", "the tests' own packages are missing", because=str(problem)) from None
    isolated = {"MYPY_CACHE_DIR": str(TOOL / ".dev/cache/mypy"), "RUFF_CACHE_DIR": str(TOOL / ".dev/cache/ruff")}
    yield Suite("tool:lint", (python, "-m", "ruff", "check", "."), TOOL, isolated)
    yield Suite("tool:format", (python, "-m", "ruff", "format", "--check", "."), TOOL, isolated)
    yield Suite("tool:types", (python, "-m", "mypy"), TOOL, isolated)
    report = (f"--junitxml={junit / 'tool.xml'}",) if junit else ()
    yield Suite("tool:tests", (python, "-m", "pytest", "-q", "-n", str(os.cpu_count() or 1), *report), TOOL)


def _run(suite: Suite) -> tuple[int, float]:
    """Run a suite in a process group of its own, which ends with it or with Ctrl-C."""
    render.say(f"── {suite.name}", "bold")
    began = time.monotonic()
    process = subprocess.Popen(
        suite.argv, cwd=suite.cwd, env={**os.environ, **suite.env}, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        code = process.wait()
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            pass
        process.wait()
    return code, time.monotonic() - began
