"""What a start does to one component: a pure function from what is seen, wanted and asked to a tuple of actions."""

from __future__ import annotations

from typing import Literal

from facts.value import dataclass
from runtime.placements.seen import State
from runtime.start.actions import (
    Action,
    Clear,
    Compile,
    Hold,
    Keep,
    Launch,
    Migrate,
    Place,
    Provision,
    Refresh,
    Refuse,
    Resume,
    Stop,
    Switch,
    Wait,
)

Obstacle = Literal["port-taken", "data-elsewhere", "dependencies-failed"]
"""Another process listens on its port; its data are in another placement; its dependencies could not be installed."""


@dataclass(frozen=True)
class Seen:
    """A component as it was looked up just now."""

    placement: Place | None = None
    """Where it runs; None if it does not run."""
    state: State = "absent"
    ready: bool = False
    fingerprint: str = ""
    """Of the command, environment and dependencies with which it runs; in Docker, of its container."""
    debugged: bool = False
    """It runs under a debugger."""
    led: bool = True
    """Callers of a routed component are forwarded to the wanted placement, and it runs in no other placement."""
    unready: tuple[str, ...] = ()
    """Components that it needs and that are not ready."""
    obstacle: Obstacle | None = None
    """A problem that was found before the start and prevents it."""
    migrated: bool = True
    """Its migration ran, and none of its inputs has changed since."""
    data_replaced: bool = False
    """A component that it needs has other data than at its start: a volume was deleted, a database was reset."""
    provisioned: bool = True
    """All databases, roles, extensions and topics that are declared inside it exist."""


@dataclass(frozen=True)
class Wanted:
    """What the desired state and the choice of placements say of it."""

    placement: Place | None
    """None if it is not declared any more."""
    fingerprint: str = ""
    service: bool = True
    routed: bool = False
    """Its callers reach it through the gateway and the edge, which can make them wait."""
    beside: bool = False
    """As a native process it listens on another loopback address than 127.0.0.1, so that the process or container
    that ran before can serve until it is ready."""
    migrates: bool = False
    """It has a migration."""


@dataclass(frozen=True)
class Asked:
    """What the command says about it."""

    again: bool = False
    """It is stopped first, although nothing about it changed."""
    debug: bool = False
    """It is run under its debugger."""
    fix: bool = True
    """False with `--no-fix`: missing dependencies are ignored."""


def transition(seen: Seen, wanted: Wanted, asked: Asked = Asked()) -> tuple[Action, ...]:
    """The actions, in order, that make it run as wanted; a `Keep` or a `Refuse` if nothing is started."""
    if wanted.placement is None:
        return (Stop(seen.placement),) if seen.placement else (Keep("ended"),)
    if wanted.placement == "ide":
        return (*_migration(seen, wanted), Refresh(), Keep("in-ide"))
    if refusal := _refusal(seen, wanted, asked):
        return (refusal,)
    if _stays(seen, wanted, asked):
        return _kept(seen, wanted, wanted.placement)
    return _launched(seen, wanted, asked, wanted.placement)


def _refusal(seen: Seen, wanted: Wanted, asked: Asked) -> Refuse | None:
    """Why it cannot be started: the reason that a user must repair first."""
    if seen.unready:
        return Refuse("need-failed")
    if seen.state == "lost" and wanted.placement == "docker":
        return Refuse("engine-lost")
    if seen.obstacle == "dependencies-failed" and not (asked.fix and wanted.placement == "native"):
        return None  # an image contains its dependencies
    return Refuse(seen.obstacle) if seen.obstacle else None


def _stays(seen: Seen, wanted: Wanted, asked: Asked) -> bool:
    """Whether the running component is kept: it is in the wanted placement, and would be started the same way."""
    if asked.again or seen.placement != wanted.placement:
        return False
    if seen.debugged and not asked.debug:
        return True  # only a command ends a debugging session
    return seen.fingerprint == wanted.fingerprint and not seen.data_replaced


def _kept(seen: Seen, wanted: Wanted, place: Place) -> tuple[Action, ...]:
    """It keeps running; its callers, its migration and its content are still checked."""
    actions: list[Action] = [Resume()] if seen.state == "paused" else []
    ready = seen.ready and not actions
    switch = [] if seen.led or not wanted.routed else [Switch(place)]
    if place == "native":
        actions += switch
    actions += _migration(seen, wanted)
    if not ready and not (seen.debugged and place == "native"):  # at a breakpoint it does not answer
        actions.append(Wait())
    if place == "docker":
        actions += switch
    if not wanted.service and not seen.provisioned:
        actions.append(Provision())
    if Wait() not in actions:
        actions.append(Keep("debugged" if seen.debugged else "ready"))
    return tuple(actions)


def _migration(seen: Seen, wanted: Wanted) -> tuple[Action, ...]:
    """A kept component is migrated if something changed; a started one is always migrated."""
    return (Migrate(),) if wanted.migrates and not seen.migrated and not seen.unready else ()


def _launched(seen: Seen, wanted: Wanted, asked: Asked, place: Place) -> tuple[Action, ...]:
    """Start it in the wanted placement. An instance in another placement serves until then, if callers are routed."""
    moves = seen.placement is not None and seen.placement != place
    serves = moves and wanted.routed and wanted.service  # infrastructure never runs twice: its data are one
    late = wanted.routed and (place == "docker" or (moves and wanted.beside))
    switch = [Switch(place, seen.placement if moves else None)] if wanted.routed else []
    first, then = _migrations(seen, wanted, asked, serves)
    return (
        *([Compile()] if asked.debug else []),
        *first,
        *_ended(seen, wanted, serves),
        *([] if late else switch),
        Clear(place),
        *then,
        Launch(place),
        Wait(Stop(place) if late and place == "native" else None),
        *(switch if late else []),
        *([] if wanted.service else [Provision()]),
    )


def _migrations(seen: Seen, wanted: Wanted, asked: Asked, serves: bool) -> tuple[tuple[Action, ...], ...]:
    """The migration before the running process ends, and the one after.

    Before, so that a failed migration does not stop it. After, if it is applied already and a restart was requested:
    the process may be what blocks it.
    """
    if not wanted.migrates:
        return (), ()
    first = seen.placement is not None and not serves and not (asked.again and seen.migrated)
    return ((Migrate(),), ()) if first else ((), (Migrate(),))


def _ended(seen: Seen, wanted: Wanted, serves: bool) -> tuple[Action, ...]:
    """Stop what runs, unless it serves until the new one is ready."""
    resume = [Resume()] if seen.state == "paused" else []  # a paused process neither answers its requests nor ends
    if seen.placement is None or serves:
        return tuple(resume)
    hold = [Hold()] if wanted.routed else []
    return (*resume, *hold, Stop(seen.placement))
