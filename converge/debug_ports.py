"""A port for the debugger of every service, fixed by the ports that are declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from converge.desired import Desired
from converge.instance import EPHEMERAL_START, STEP

DISTANCES = (*range(10, 2000), *range(-10, -2000, -1))
"""How far a debugger's port may lie from its service's, in the order they are tried."""


def given(desired: Desired) -> Desired:
    """The same, with a debug port for each service that has a port and says nothing; all at one distance.

    The nearest distance is taken at which neither this instance nor another one, whose ports lie a multiple of STEP
    apart, has anything declared; where there are too many ports for that, one that is free in each instance alone.
    """
    services = desired.services
    declared = [i.port for i in desired.infra.values()] + [s.port for s in services.values() if s.port]
    declared += [s.debug_port for s in services.values() if s.debug_port]
    asking = sorted({s.port for s in services.values() if s.port and not s.debug_port})
    found = _distance(asking, declared, STEP) or _distance(asking, declared, EPHEMERAL_START)
    if not found:
        return desired
    ports = {name: s.debug_port or (s.port + found if s.port else None) for name, s in services.items()}
    return replace(desired, services={name: replace(s, debug_port=ports[name]) for name, s in services.items()})


def _distance(asking: list[int], declared: list[int], apart: int) -> int:
    """The first distance at which no port is another one modulo `apart`; 0 if there is none."""
    taken = {port % apart for port in declared}
    distances: Iterable[int] = DISTANCES if apart > STEP else [d for d in DISTANCES if abs(d) < 10 + STEP]
    for distance in distances:
        fresh = [port + distance for port in asking]
        residues = {port % apart for port in fresh}
        if (
            all(1024 <= port < EPHEMERAL_START for port in fresh)
            and len(residues) == len(fresh)
            and not residues & taken
        ):
            return distance
    return 0
