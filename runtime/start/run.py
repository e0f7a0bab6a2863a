"""One start: what was chosen for it, what it has begun, and whether it was told to give up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from converge.errors import DevError
from runtime.component import Component
from runtime.logs.lines import Stream
from runtime.logs.recording import Recording
from runtime.placements.choice import Asked, Choices
from runtime.platform import Platform
from runtime.start import transition
from runtime.start.containers import Containers

Say = Callable[[str], None]
"""Called with what happens to one component; from any thread."""


@dataclass
class Run:
    """What all components of one start share."""

    platform: Platform
    choices: Choices
    wanted: Mapping[str, Component]
    asked: Asked
    obstacles: Mapping[str, DevError] = field(default_factory=dict)
    """Component -> what was found before the start, and keeps it from being started."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    spawned: list[Component] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.containers = Containers(self.platform, self.choices, self.wanted, self.check)

    def check(self) -> None:
        """Raise DevError `interrupted` once the start was given up."""
        if self.cancelled.is_set():
            raise DevError("interrupted", "the start was interrupted")

    def command(
        self, argv: list[str], env: Mapping[str, str], component: Component, stream: Stream
    ) -> tuple[int, list[str]]:
        """Run it in the component's directory to its end or until the start is given up; exit code and last lines.

        All that it says is in the component's log.
        """
        directory = component.path if component.is_service else component.instance.checkout
        with Recording(component.log, stream) as said:
            try:
                process = subprocess.Popen(
                    argv, cwd=directory, env=dict(env), stdin=subprocess.DEVNULL, stdout=said.pipe,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            except OSError as problem:
                raise DevError(
                    "command-missing", f"`{argv[0]}` could not be run for {component.name}",
                    because=problem.strerror or str(problem), hint="./dev doctor --fix",
                ) from problem  # fmt: skip
            try:
                while process.poll() is None:
                    self.check()
                    time.sleep(0.01)
            finally:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return process.returncode, said.last(4)


@dataclass(frozen=True)
class Task:
    """One component of a start: what was decided from, and what its actions need to know."""

    component: Component
    say: Say
    seen: transition.Seen
    wanted: transition.Wanted
    asked: transition.Asked
    host: str
    """Where its process listens, if it runs natively."""
    container: str = ""
    """Id of the container that Compose made for it, if it runs in Docker."""
    reason: str = ""
    """What its keeper says of its state."""
    unready: Mapping[str, DevError | None] = field(default_factory=dict)
    """What it needs and what is not ready, with why."""
