"""A port for the debugger of every service, fixed by the ports that are declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from converge import declared_ports
from converge.desired import Desired
from converge.instance import EPHEMERAL_START, STEP
from facts.value import replace

SMALLEST_DISTANCE = 10
"""Smallest distance of a debugger's port from its service's port."""


def given(desired: Desired) -> Desired:
    """The same, with a debug port for each service that has a port and declares no debug port.

    All have the same distance: the smallest at which no port of this instance, or of another instance (a multiple of
    STEP away), is declared. If there are too many ports for that, each service gets the next free port.
    """
    services = desired.services
    declared = [each.number for each in declared_ports.of(desired)]
    asking = sorted({s.port for s in services.values() if s.port and not s.debug_port})
    found = _together(asking, declared) or _each(asking, set(declared))
    own = {name: s.debug_port or found.get(s.port or 0) for name, s in services.items()}
    return replace(desired, services={name: replace(s, debug_port=own[name]) for name, s in services.items()})


def _together(asking: list[int], declared: list[int]) -> dict[int, int]:
    """Port -> its debugger's, all at one distance; empty if there is none."""
    taken = {port % STEP for port in declared}
    for distance in _distances(STEP):
        fresh = [port + distance for port in asking]
        residues = {port % STEP for port in fresh}
        if all(map(_usable, fresh, asking)) and len(residues) == len(fresh) and not residues & taken:
            return dict(zip(asking, fresh, strict=True))
    return {}


def _each(asking: Iterable[int], taken: set[int]) -> dict[int, int]:
    found = {}
    for port in asking:
        near = (port + distance for distance in _distances(EPHEMERAL_START))
        if free := next((each for each in near if _usable(each, port) and each not in taken), None):
            found[port] = free
            taken.add(free)
    return found


def _distances(count: int) -> Iterator[int]:
    """Upwards, then downwards."""
    yield from range(SMALLEST_DISTANCE, SMALLEST_DISTANCE + count)
    yield from range(-SMALLEST_DISTANCE, -SMALLEST_DISTANCE - count, -1)


def _usable(port: int, of: int) -> bool:
    """Only a service that is itself in the ephemeral range has its debugger there."""
    return 1024 <= port < (EPHEMERAL_START if of < EPHEMERAL_START else 65536)
