"""What a desired state has of a team's Compose files: containers that Compose gets nearly as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converge.compose_file.verdicts import Note
from facts.value import dataclass, field


@dataclass(frozen=True)
class Published:
    """One port of a container."""

    target: int
    """On which its program listens."""
    number: int | None = None
    """The declared port of this machine; None if Compose would take any."""
    protocol: str = "tcp"


@dataclass(frozen=True)
class Container:
    """One service of the files; its image, port, kind, needs and variables are those of its entry in [infra]."""

    service: str
    """Its name in the file."""
    source: str
    """`file:line`."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """All other keys, with absolute paths, and `$$` for each `$`."""
    more: tuple[Published, ...] = ()
    """Ports that it publishes besides that of its entry."""
    alone: str = ""
    """Why only Docker can run it, as a clause; empty if an embedded program can replace it."""


@dataclass(frozen=True)
class Composed:
    """All that is taken of the files."""

    containers: Mapping[str, Container] = field(default_factory=dict)
    """By the name of the component."""
    top: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`volumes`, `secrets`, `configs` and `models` that they use, by their names in the model."""
    notes: tuple[Note, ...] = ()
    """What is not taken, or not as it stands, and why."""

    @property
    def numbers(self) -> list[int]:
        """The declared ports of this machine besides those of the entries in [infra]."""
        return [more.number for each in self.containers.values() for more in each.more if more.number]
