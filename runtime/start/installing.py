"""The packages of services are installed while components that do not need them already start."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING

from converge import cycle
from converge.desired import Loaded
from converge.errors import DevError
from converge.instance import Instance
from converge.report import Report

if TYPE_CHECKING:
    from converge.apply import Event
    from converge.context import Purpose
    from converge.local_machine import LocalMachine

NOUN = "dependencies"
"""Noun of the steps that install packages."""
SAME = re.compile(rf"it needs {NOUN}\.(.+) first")
"""Why nothing is installed for a service after the installation for another one with the same lock file failed."""
Listener = Callable[[str, str, float], None]
"""Called with a service's name, what happened to it, and the seconds since the installations began."""


class Installing:
    """`with Installing(…) as installing:` installs for these services; an exception in the block ends that early."""

    def __init__(
        self, loaded: Loaded, instance: Instance, names: Collection[str], listener: Listener, purpose: Purpose
    ) -> None:
        self.results: dict[str, Future[DevError | None]] = {name: Future() for name in names}
        """Service -> why its packages could not be installed, as soon as that is known; None if they were."""
        self.late: dict[str, DevError] = {}
        """The same for services whose step ended well, but which the look after all steps still finds incomplete."""
        self._loaded, self._instance, self._listener, self._purpose = loaded, instance, listener, purpose
        self._began = time.monotonic()
        self._machine: LocalMachine | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="installing", daemon=True)

    def __enter__(self) -> Installing:
        if self.results and not self._thread.ident:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self._ended = kind is not None
        if self._ended and self._machine:
            self._machine.end_all()
        self.wait()

    def wait(self) -> None:
        """Until all is installed, or has failed."""
        if self.results:
            self._thread.join()

    def _run(self) -> None:
        try:
            report = cycle.fix(
                self._loaded, self._instance, [NOUN], listener=self._heard, purpose=self._purpose, on_machine=self._hold
            )
            found = failures(report)
        except DevError as problem:
            found = dict.fromkeys(self.results, problem)
        except BaseException as bug:
            for future in self.results.values():
                if not future.done():
                    future.set_exception(bug)
            return
        for name, future in self.results.items():
            if not future.done():
                future.set_result(found.get(name))
            elif name in found and future.result() is None:
                self.late[name] = found[name]

    def _hold(self, machine: LocalMachine) -> None:
        self._machine = machine
        if self._ended:
            machine.end_all()

    def _heard(self, event: Event) -> None:
        name = event.step.id.partition(".")[2] if event.step else ""
        if name not in self.results or not event.step:
            return
        if event.kind == "begin":
            self._listener(name, f"preparing: {event.text}", time.monotonic() - self._began)
        elif event.outcome and not self.results[name].done():
            outcome = event.outcome
            failed = outcome.status != "changed"
            self.results[name].set_result(_failure(name, outcome.because, outcome.hint) if failed else None)


def failures(report: Report) -> dict[str, DevError]:
    """Service -> why it lacks packages."""
    found = {item.id.partition(".")[2]: item for item in report.open if item.noun == NOUN}
    return {name: _failure(name, item.because, item.hint, item.source) for name, item in found.items()}


def _failure(name: str, because: str, hint: str, source: str = "") -> DevError:
    what = f"the dependencies of {name} could not be installed"
    because = because.removeprefix(f"{what}: ")
    if first := SAME.fullmatch(because):
        because, hint = f"they are in the same lock file as those of {first[1]}", hint or "see why in the other error"
    return DevError("dependencies-failed", what, because=because, hint=hint or "see ./dev doctor", source=source)
