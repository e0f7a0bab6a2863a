"""The actions of a start on one component, as values: a decision can be read, compared and tested."""

from __future__ import annotations

from typing import Literal

from facts.value import dataclass

Place = Literal["native", "docker", "ide"]


@dataclass(frozen=True)
class Action:
    """One action; the subclasses are the full list. As text: `launch native`, `wait, else stop native`."""

    def __str__(self) -> str:
        values = (str(value) for value in vars(self).values() if value is not None)
        return " ".join([type(self).__name__.lower(), *values])


@dataclass(frozen=True)
class Keep(Action):
    """Do nothing more: it runs as wanted, or it is not started by ./dev."""

    why: Literal["ready", "debugged", "in-ide", "ended"]


@dataclass(frozen=True)
class Refuse(Action):
    """It cannot be started; the code is one of converge/codes.py."""

    code: Literal["need-failed", "port-taken", "dependencies-failed", "data-elsewhere", "engine-lost"]


@dataclass(frozen=True)
class Refresh(Action):
    """Write again the files with which the IDE starts the handed-off service."""


@dataclass(frozen=True)
class Compile(Action):
    """Compile what its debugger runs, before a running component is changed."""


@dataclass(frozen=True)
class Hold(Action):
    """Make new callers wait, and let it finish the requests that it has."""


@dataclass(frozen=True)
class Stop(Action):
    """Stop it in the placement where it runs."""

    placement: Place


@dataclass(frozen=True)
class Resume(Action):
    """Resume a paused container."""


@dataclass(frozen=True)
class Clear(Action):
    """End what an earlier run left on its ports; refuse to start if another process has one of them."""

    placement: Place


@dataclass(frozen=True)
class Migrate(Action):
    """Run its migration in the placement of the service itself."""


@dataclass(frozen=True)
class Launch(Action):
    """Start its process or its container."""

    placement: Place


@dataclass(frozen=True)
class Wait(Action):
    """Wait until it is ready; if it does not become ready, do `otherwise` and fail."""

    otherwise: Stop | None = None

    def __str__(self) -> str:
        return f"wait, else {self.otherwise}" if self.otherwise else "wait"


@dataclass(frozen=True)
class Switch(Action):
    """Forward its callers to the placement, then stop it in the placement that they used before."""

    to: Place
    ending: Place | None = None

    def __str__(self) -> str:
        return f"switch to {self.to}" + (f", ending {self.ending}" if self.ending else "")


@dataclass(frozen=True)
class Provision(Action):
    """Create what is declared inside it: databases, roles, topics."""
