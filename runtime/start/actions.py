"""The things a start can do to one component, as values: what is decided can be read, compared and tested."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Place = Literal["native", "docker", "ide"]


@dataclass(frozen=True)
class Action:
    """One thing to do; the subclasses are all there are. As text: `launch native`, `wait, else stop native`."""

    def __str__(self) -> str:
        values = (getattr(self, field.name) for field in fields(self))
        return " ".join([type(self).__name__.lower(), *(str(value) for value in values if value is not None)])


@dataclass(frozen=True)
class Keep(Action):
    """Nothing more has to be done: it runs as it is wanted, or is not ours to start."""

    why: Literal["ready", "debugged", "in-ide", "ended"]


@dataclass(frozen=True)
class Refuse(Action):
    """It cannot be started; the code is one of converge/codes.py."""

    code: Literal["need-failed", "port-taken", "dependencies-failed", "data-elsewhere", "engine-lost"]


@dataclass(frozen=True)
class Lend(Action):
    """Write what the IDE that has it starts it with."""


@dataclass(frozen=True)
class Compile(Action):
    """Make what its debugger runs, before anything that runs is touched."""


@dataclass(frozen=True)
class Hold(Action):
    """Let its callers wait, and let it answer what it was asked."""


@dataclass(frozen=True)
class Stop(Action):
    """End it where it lives."""

    placement: Place


@dataclass(frozen=True)
class Resume(Action):
    """Let a paused container go on."""


@dataclass(frozen=True)
class Clear(Action):
    """End what an earlier run left on its ports, and refuse to start beside somebody else's process."""

    placement: Place


@dataclass(frozen=True)
class Migrate(Action):
    """Run its migration where it runs itself."""


@dataclass(frozen=True)
class Launch(Action):
    """Start its process or its container."""

    placement: Place


@dataclass(frozen=True)
class Wait(Action):
    """Wait until it is ready; if it does not get ready, take `otherwise` and fail."""

    otherwise: Stop | None = None

    def __str__(self) -> str:
        return f"wait, else {self.otherwise}" if self.otherwise else "wait"


@dataclass(frozen=True)
class Switch(Action):
    """Lead its callers to the placement, then end it where they were led before."""

    to: Place
    ending: Place | None = None

    def __str__(self) -> str:
        return f"switch to {self.to}" + (f", ending {self.ending}" if self.ending else "")


@dataclass(frozen=True)
class Provision(Action):
    """Make what is declared inside it."""
