"""How long a start waits for a component: its timeout, which stops while a compiler runs."""

from __future__ import annotations

import time

from facts.value import dataclass, field


@dataclass
class Budget:
    """Seconds to become ready, and separate seconds to compile."""

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
        """Add the time since the last call; gives why the wait is over, empty if it is not."""
        now = time.monotonic()
        if compiling:
            self._deadline += now - self._noted
            self._compiled += now - self._noted
        self._noted = now
        return f"it still compiles after {self.compile_timeout:g} s" if self._compiled > self.compile_timeout else ""
