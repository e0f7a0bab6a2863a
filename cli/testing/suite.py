"""A suite: one command that ends with 0 when all is well, and how it is run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cli import render
from facts.value import dataclass

NO_TESTS = 5
"""pytest's exit code for an empty collection."""


@dataclass(frozen=True)
class Suite:
    """One command that ends with 0 when all is well."""

    name: str
    """Its group and, where the group has several suites, a colon and its own name: `orders`, `tool:lint`."""
    about: str
    """What it checks, for `--list`."""
    argv: tuple[str, ...]
    cwd: Path
    env: Callable[[], Mapping[str, str]]
    """Its whole environment. Called when the suite runs, as it may install what a bare machine does not have yet."""
    needs: tuple[str, ...] | None = ()
    """Components that must run in the test instance; None means all."""

    @property
    def group(self) -> str:
        """The part of the name before the colon; the name of a group chooses all its suites."""
        return self.name.partition(":")[0]

    @property
    def of_tool(self) -> bool:
        """Whether it needs nothing of a platform: no component, no tool of the desired state."""
        return self.group == "tool"


@dataclass(frozen=True)
class Result:
    """How one suite ended."""

    suite: Suite
    code: int
    seconds: float

    @property
    def empty(self) -> bool:
        """Whether there was no test to run, which is not a failure."""
        return self.code == NO_TESTS and "pytest" in self.suite.argv

    @property
    def failed(self) -> bool:
        """Whether a test failed or the suite could not run."""
        return self.code != 0 and not self.empty


def run(suite: Suite) -> Result:
    """Run a suite in a process group of its own, which ends with it or with Ctrl-C."""
    render.say(f"── {suite.name}", "bold")
    env = dict(suite.env())
    began = time.monotonic()
    process = subprocess.Popen(suite.argv, cwd=suite.cwd, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        code = process.wait()
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return Result(suite, code, time.monotonic() - began)
