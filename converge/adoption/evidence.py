"""The values of adoption: what a file of the repository says, and where it says it."""

from __future__ import annotations

from facts.value import dataclass


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that a file of the repository shows."""

    name: str
    """Name of the component."""
    kind: str
    """Kind of the service."""
    path: str
    """Its directory, relative to the checkout."""
    source: str
    """`file:line` that shows it."""
    questions: tuple[str, ...] = ()
    """What the file does not say, as questions for a person."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An exact version of a tool that a file of the repository names."""

    name: str
    """Entry of [tools]."""
    version: str
    """The version, as written."""
    source: str
    """`file:line` that names it."""
