"""Where one case is tried: an empty directory, a home, some ports, and a limit of time, all its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Checkout, Ran, neighbours, ports, wait_until
from tests.promises import oracle

PORTS = 10
"""Ports in a row that a place has; debuggers of its services use some of them."""


@dataclass
class Place:
    """One case may do whatever it wants below `base` and on its ports; the rest of the machine is not its own."""

    base: Path
    seconds: float = 120.0
    """What the case may take."""
    port: int = field(default_factory=lambda: neighbours(ports(18000, 20000), PORTS))
    """The first of its ports."""

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.seconds
        self.checkout = Checkout(self.base / "zwölf Monde", self.base / "home")
        self.checkout.path.mkdir(parents=True)
        self.checkout.home.mkdir()

    @property
    def left(self) -> float:
        """Seconds that are left of its time, at least one."""
        return max(1.0, self.until - time.monotonic())

    def dev(self, *argv: str, env: Mapping[str, str | None] = {}) -> Ran:
        """Run `./dev` in it; a hang, a traceback and a failure of the tool itself are broken promises of any kind."""
        ran = self.checkout.dev(*argv, env=env, timeout=self.left)
        assert ran.code != 1 and "itself failed" not in ran.err, f"./dev {' '.join(argv)} itself failed:\n{ran.err}"
        return ran

    def processes(self) -> set[oracle.Process]:
        """What lives in it, the test's own processes left out."""
        return oracle.processes(self.base)

    def tree(self) -> dict[str, oracle.Entry]:
        """What is in its checkout and home."""
        return oracle.tree(self.base)

    def end(self) -> None:
        """End what lives in it and remove it, with the data that root has elsewhere."""
        sweep(self.base)
        state = self.checkout.path / "desired_state.toml"
        with contextlib.suppress(OSError, AssertionError):
            if state.is_file() and "[infra" in state.read_text("utf-8", errors="replace"):
                self.checkout.dev("clean", "--force", timeout=60)
        sweep(self.base)
        shutil.rmtree(self.base, ignore_errors=True)


def sweep(base: Path) -> None:
    """End what lives below the directory; several rounds, because what is killed may just have started something."""
    for _ in range(10):
        if not (living := oracle.processes(base)):
            return
        for each in living:
            with contextlib.suppress(OSError):
                os.kill(each.pid, signal.SIGKILL)
        wait_until(lambda living=living: not living & oracle.processes(base), 60)  # type: ignore[misc]


@contextlib.contextmanager
def opened(base: Path, seconds: float) -> Iterator[Place]:
    """A place for one case, ended and removed afterwards."""
    place = Place(base, seconds)
    try:
        yield place
    finally:
        place.end()
