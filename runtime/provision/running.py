"""Runs a migration: its output goes to the component's log at once, and a record shows that it runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from converge import atomic
from facts import processes
from runtime.component import ServiceComponent
from runtime.logs.recording import Recording

LOOK = 0.01
"""Seconds between two checks whether it has ended or the run was interrupted."""
LAST = 4
"""The most lines that an error shows."""


def marker(component: ServiceComponent) -> Path:
    """Exists while its migration runs: `pid` and `start` (see `processes.Identity`), and `began` (Unix time).

    A run that was killed may have left it.
    """
    return component.directory / "migrating.json"


def execute(
    component: ServiceComponent, argv: list[str], env: Mapping[str, str], check: Callable[[], None]
) -> tuple[int, list[str]]:
    """Exit code and last lines. `check` is called repeatedly and raises to cancel; then the process group is ended."""
    directory = component.path if component.path.is_dir() else component.instance.checkout  # an image brings its own
    with Recording(component.log, "migrate") as said:
        process = subprocess.Popen(
            argv, cwd=directory, env=dict(env), stdin=subprocess.DEVNULL, stdout=said.pipe,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            found = processes.read(process.pid)
            about = {"pid": process.pid, "start": found.start if found else None, "began": time.time()}
            atomic.write(marker(component), json.dumps(about))
            while process.poll() is None:
                check()
                time.sleep(LOOK)
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            marker(component).unlink(missing_ok=True)
    return process.returncode, said.last(LAST)
