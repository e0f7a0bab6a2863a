"""Options and arguments of a command as plain values, so that a command's file needs no command-line library."""

from __future__ import annotations

from facts.value import dataclass


@dataclass(frozen=True)
class Option:
    """`Annotated[bool, Option("--json", help="…")]` on a parameter of a command."""

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None

    def __init__(self, *flags: str, help: str, metavar: str | None = None) -> None:
        object.__setattr__(self, "flags", flags)
        object.__setattr__(self, "help", help)
        object.__setattr__(self, "metavar", metavar)


@dataclass(frozen=True)
class Argument:
    """`Annotated[list[str] | None, Argument("NAME…", help="…")]`: positional words of a command."""

    metavar: str
    help: str
