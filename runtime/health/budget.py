"""How long a start waits for a component: its timeout, without the time in which a compiler runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Budget:
    """Seconds for getting ready, and apart from those for compiling."""

    timeout: float
    compile_timeout: float
    _deadline: float = field(init=False)
    _noted: float = field(init=False)
    _compiled: float = 0.0

    def __post_init__(self) -> None:
        self._noted = time.monotonic()
        self._deadline = self._noted + self.timeout

    def left(self) -> float:
        """Seconds that remain of the timeout."""
        return self._deadline - time.monotonic()

    def note(self, compiling: bool) -> str:
        """Take what a look found since the last one was noted; why waiting is over, empty where it is not."""
        now = time.monotonic()
        if compiling:
            self._deadline += now - self._noted
            self._compiled += now - self._noted
        self._noted = now
        return f"it still compiles after {self.compile_timeout:g} s" if self._compiled > self.compile_timeout else ""
