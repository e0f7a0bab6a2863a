"""This machine, to look at."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from facts import surroundings
from facts.value import dataclass


@dataclass(frozen=True)
class LocalReader:
    """Runs the batch with this machine's own sh."""

    is_local: bool = True

    def run_script(self, script: str, deadline: float) -> str:
        """What the script said until it ended or the deadline was over; nothing it started outlives this."""
        process = subprocess.Popen(
            ["/bin/sh", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True, env=surroundings.own(),
        )  # fmt: skip
        try:
            said = process.communicate(script.encode("utf-8", "surrogateescape"), timeout=deadline)[0]
        except subprocess.TimeoutExpired as late:
            said = late.stdout or b""
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout:
                process.stdout.close()
        return said.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
