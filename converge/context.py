"""What every operation plans from: the checked desired state, the instance, and what the lock says the pins are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from converge import lockfile
from converge.desired import Desired, Loaded
from converge.instance import Instance
from facts.value import dataclass, field

Purpose = Literal["start", "test", "containers"]


@dataclass(frozen=True)
class ConvergeContext:
    """The target of one convergence; values only, so that planning stays pure."""

    loaded: Loaded
    instance: Instance
    lock: Mapping[str, Any] = field(default_factory=dict)
    """`desired_state.lock` as read from TOML or JSON; empty where there is none."""
    purpose: Purpose = "start"
    """What the machine is made ready for: some packages only tests need, containers bring their own tools."""
    debuggers: frozenset[str] = frozenset()
    """Which tools that only debugging needs are wanted now."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Nouns besides those of converge, and their modules: what runs has nouns of its own."""

    @property
    def desired(self) -> Desired:
        """What `desired_state.toml` says."""
        return self.loaded.desired


def context_of(
    loaded: Loaded,
    instance: Instance,
    purpose: Purpose = "start",
    debuggers: frozenset[str] = frozenset(),
    more: Mapping[str, str] = {},
) -> ConvergeContext:
    """The context of a checkout, with its lock file read; a damaged one raises DevError (exit 65).

    Without a lock file nothing can be installed, and tools that are there already are used.
    """
    lock = lockfile.load(instance.checkout) if os.path.lexists(instance.checkout / lockfile.NAME) else {}
    return ConvergeContext(loaded, instance, lock, purpose, debuggers, more)
