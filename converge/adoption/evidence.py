"""The values of adoption: what a file of the repository says of the desired state, and where it says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from facts.value import dataclass

if TYPE_CHECKING:
    from converge.adoption.tree import Tree

Value: TypeAlias = "str | int | float | bool | tuple[Value, ...] | Mapping[str, Value]"
Table = Literal["project", "tools", "env", "compose", "infra", "services", "tasks"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One key of the desired state, and the line that says it."""

    table: Table
    of: str = ""
    """Of a service its directory, relative to the checkout (`.` is that itself); of infrastructure and tasks the name;
    else empty."""
    also: str = ""
    """Which of several services of one directory, such as `worker`; empty for the main one."""
    key: str
    """Key of the entry; `name` of a service is a proposal for its name, and `as_main` says that it runs as the main one
    of its directory."""
    value: Value
    source: str
    """`file:line` that says it."""
    guess: str = ""
    """Why it is a guess; empty where the file says it."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What was seen and not understood, or is left to a person."""

    source: str
    said: str


Reader = Callable[["Tree"], Iterable[Claim | Note]]
"""Reads all files of one sort; it raises nothing, whatever is in them."""
