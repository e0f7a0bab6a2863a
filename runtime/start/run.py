"""One start: what was chosen for it, what it has started, and whether it was cancelled."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait

from converge.errors import DevError
from facts.value import dataclass, field
from runtime.component import Component
from runtime.logs.lines import Stream
from runtime.logs.recording import Recording
from runtime.placements.choice import Asked, Choices
from runtime.platform import Platform
from runtime.start import transition
from runtime.start.containers import Containers

Say = Callable[[str], None]
"""Called with a progress message of one component; from any thread."""


@dataclass
class Run:
    """State that all components of one start share."""

    platform: Platform
    choices: Choices
    wanted: Mapping[str, Component]
    asked: Asked
    obstacles: Mapping[str, DevError] = field(default_factory=dict)
    """Component -> a problem that was found before the start and prevents it."""
    installing: Mapping[str, Future[DevError | None]] = field(default_factory=dict)
    """Service -> why its packages could not be installed, once that is known."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    spawned: list[Component] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.containers = Containers(self.platform, self.choices, self.wanted, self.check)

    def check(self) -> None:
        """Raise DevError `interrupted` if the start was cancelled."""
        if self.cancelled.is_set():
            raise DevError("interrupted", "the start was interrupted")

    def packages(self, name: str) -> DevError | None:
        """Why its packages could not be installed; None if they are there. Waits until that is known."""
        pending = self.installing.get(name)
        while pending and not pending.done():
            self.check()
            wait([pending], timeout=0.1)
        return pending.result() if pending else None

    def command(
        self, argv: list[str], env: Mapping[str, str], component: Component, stream: Stream
    ) -> tuple[int, list[str]]:
        """Run a command in the component's directory to its end or until the start is cancelled.

        Gives the exit code and the last lines of output; the component's log has all of it.
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
    """One component of a start: the input of its transition, and what its actions use."""

    component: Component
    say: Say
    seen: transition.Seen
    wanted: transition.Wanted
    asked: transition.Asked
    host: str
    """Address on which its process listens, if it runs natively."""
    container: str = ""
    """Id of the container that Compose made for it, if it runs in Docker."""
    reason: str = ""
    """What its shim or its engine says about its state."""
    unready: Mapping[str, DevError | None] = field(default_factory=dict)
    """Component that it needs and that is not ready -> why."""
