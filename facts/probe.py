"""A probe is a name, a way to look and a parser; `observe` runs every probe asked for in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from facts.value import Unknown


@dataclass(frozen=True)
class Probe:
    """One look that portable sh can take, here or on a remote host.

    `sh` prints to stdout; `parse` turns that text into the fact (a frozen value) and may raise ValueError,
    which becomes `Unknown`. `slow` probes run in the background of the batch, so one cannot hold up the rest.
    """

    name: str
    sh: str
    parse: Callable[[str], Any]
    slow: bool = False


@dataclass(frozen=True)
class LocalProbe:
    """One look that sh cannot portably take (sockets, the Docker API): local Python, `Unknown` on a remote host."""

    name: str
    look: Callable[[], Any]


AnyProbe = Probe | LocalProbe
Observation = Mapping[str, Any]
"""Fact name -> frozen value or `Unknown`; all of one moment."""


class Reader(Protocol):
    """A machine one can only look at."""

    is_local: bool

    def run_script(self, script: str, deadline: float) -> str:
        """Run one sh script and give its stdout; `deadline` in seconds is kept outside the script."""
        ...


def observe(probes: Sequence[AnyProbe], reader: Reader, deadline: float = 10.0) -> Observation:
    """Every probe's fact, looked up in one batch; a record that is missing or cut short is `Unknown`."""
    raise NotImplementedError((probes, reader, deadline, Unknown))
