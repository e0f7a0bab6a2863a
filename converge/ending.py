"""End processes: each is asked, then killed, and looked for again, as only what is seen to be gone has ended.

Standard library only: the shim imports it too.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

from facts.processes import Process, read

PAUSE = 0.02
"""Seconds between two looks."""
KILL_TIMEOUT = 5.0
"""Seconds that the kernel has to end what was killed; one that waits for a dead disk or network may take longer."""


def end(
    find: Callable[[], Sequence[Process]],
    grace: float,
    meanwhile: Callable[[], None] = lambda: None,
    first: int = signal.SIGTERM,
) -> list[Process]:
    """Ask all that `find` gives to end, kill after `grace` seconds whatever is left; gives what lives even then.

    `find` is called again for each look, so a process that is started meanwhile is ended too. One that is stopped
    (SIGSTOP) is continued, as it could not end otherwise.
    """
    asked: dict[tuple[int, int], int] = {}
    deadline = time.monotonic() + grace
    while found := find():
        now = time.monotonic()
        if now > deadline + KILL_TIMEOUT:
            return list(found)
        number = first if now < deadline else signal.SIGKILL
        for process in found:
            if asked.get(process.identity) != number:
                asked[process.identity] = number
                send(process, number)
                send(process, signal.SIGCONT)
        meanwhile()
        time.sleep(PAUSE)
    return []


def send(process: Process, number: int) -> None:
    """Signal exactly this process; nothing happens where it is gone, its number is another's, or it is not ours."""
    try:
        exactly = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
    except OSError:
        exactly = None
    try:
        now = read(process.pid)
        if now is None or now.start != process.start:
            return
        if exactly is not None and hasattr(signal, "pidfd_send_signal"):
            signal.pidfd_send_signal(exactly, number)
        else:
            os.kill(process.pid, number)
    except OSError:
        pass
    finally:
        if exactly is not None:
            os.close(exactly)
