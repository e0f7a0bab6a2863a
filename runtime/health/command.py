"""The command of `ready.exec`: it gets the component's environment, and is ended with its child processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile

from facts.ports import HOME
from facts.processes import BY_READY, MARK
from runtime.component import Component
from runtime.environment import fill, of_component
from runtime.platform import Platform

LONGEST = 5.0
"""The shortest timeout of the command in seconds, also in a shorter look: it may start an interpreter."""
WORDS = 4096
"""Bytes at the end of its output in which its last line is searched."""


def why_not(platform: Platform, component: Component, command: str, timeout: float, host: str = HOME) -> str:
    """Why the command does not end with 0 within max(timeout, LONGEST) seconds; empty if it does.

    `host` is where the component's process listens: while it takes over from another one, that is not 127.0.0.1.
    """
    seconds = max(timeout, LONGEST)
    env = {**of_component(platform, component, host=host), MARK: component.mark + BY_READY}
    argv = ["/bin/sh", "-c", fill(command, platform, component, host=host, data=not component.is_service)]
    with tempfile.TemporaryFile() as output:  # not a pipe: a child process that outlives it would keep it open
        try:
            process = subprocess.Popen(
                argv, env=env, cwd=component.instance.checkout, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as problem:
            return f"`{command}` could not be run: {problem.strerror}"
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"`{command}` did not end within {seconds:g} s"
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if not code:
            return ""
        output.seek(max(0, output.seek(0, os.SEEK_END) - WORDS))
        lines = [line for line in output.read().decode(errors="replace").splitlines() if line.strip()]
    how = f"ends with {code}" if code > 0 else f"was ended by signal {-code}"
    return f"`{command}` {how}" + (f": {lines[-1].strip()[:200]}" if lines else "")
