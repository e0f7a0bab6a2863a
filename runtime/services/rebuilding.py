"""The command that rebuilds and restarts a compiled service by `rebuild.py`, for languages without such a tool."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from runtime.component import ServiceComponent

LOOP = Path(__file__).with_name("rebuild.py")


def command(
    component: ServiceComponent, program: Iterable[str], build: Iterable[str], suffixes: Iterable[str],
    skipped: Iterable[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """Run `program`; build, and run it again, when a file with one of these suffixes changes.

    Its own directory and those of `watch` are looked at, without the files that match a glob of `skipped`. A build
    that fails leaves the old program running.
    """
    directory = component.path
    watched = [str(directory / path) for path in (".", *component.wants.watch)]
    only = [f"--suffix={suffix}" for suffix in suffixes]
    without = [f"--skip={pattern}" for pattern in skipped]
    return (sys.executable, "-I", str(LOOP), *only, *without, *watched, "--build", *build, "--run", *program)
