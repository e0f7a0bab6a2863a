"""What a start does to one component: a pure function from what is seen, wanted and asked to a tuple of actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runtime.placements.seen import State
from runtime.start.actions import (
    Action,
    Clear,
    Compile,
    Hold,
    Keep,
    Launch,
    Lend,
    Migrate,
    Place,
    Provision,
    Refuse,
    Resume,
    Stop,
    Switch,
    Wait,
)

Obstacle = Literal["port-taken", "data-elsewhere", "dependencies-failed"]
"""Somebody else listens on its port; its data are in another placement; what it runs with could not be installed."""


@dataclass(frozen=True)
class Seen:
    """A component as it was looked up just now."""

    placement: Place | None = None
    """Where it lives; None if it lives nowhere."""
    state: State = "absent"
    ready: bool = False
    fingerprint: str = ""
    """Of the command, environment and dependencies it runs with; of its container in Docker."""
    debugged: bool = False
    """It runs under a debugger."""
    led: bool = True
    """Callers of a routed component are led to the wanted placement, and nothing of it runs in another one."""
    unready: tuple[str, ...] = ()
    """What it needs and what is not ready."""
    obstacle: Obstacle | None = None
    """What was found before anything was started, and keeps it from being started."""
    migrated: bool = True
    """Its migration ran, and nothing that it depends on has changed since."""
    data_replaced: bool = False
    """What it needs has other data than when it began: a volume was deleted, a database was reset."""
    provisioned: bool = True
    """Everything that is declared inside it exists: databases, roles, extensions, topics."""


@dataclass(frozen=True)
class Wanted:
    """What the desired state and the choice of placements say of it."""

    placement: Place | None
    """None if it is not declared any more."""
    fingerprint: str = ""
    service: bool = True
    routed: bool = False
    """Its callers reach it through gateway and edge, which can make them wait."""
    beside: bool = False
    """As a native process it listens beside 127.0.0.1, so that what ran before can serve until it is ready."""
    migrates: bool = False
    """It has a migration."""


@dataclass(frozen=True)
class Asked:
    """What the command says about it."""

    anew: bool = False
    """It is ended first, though nothing about it changed."""
    debug: bool = False
    """It is run under its debugger."""
    fix: bool = True
    """False with `--no-fix`: what was not installed is not looked at."""


def transition(seen: Seen, wanted: Wanted, asked: Asked = Asked()) -> tuple[Action, ...]:
    """The actions, in their order, that make it run as it is wanted; a `Keep` or a `Refuse` if nothing is started."""
    if wanted.placement is None:
        return (Stop(seen.placement),) if seen.placement else (Keep("ended"),)
    if wanted.placement == "ide":
        return (*_migration(seen, wanted), Lend(), Keep("in-ide"))
    if refusal := _refusal(seen, wanted, asked):
        return (refusal,)
    if _stays(seen, wanted, asked):
        return _kept(seen, wanted, wanted.placement)
    return _launched(seen, wanted, asked, wanted.placement)


def _refusal(seen: Seen, wanted: Wanted, asked: Asked) -> Refuse | None:
    """Why it cannot be started, the reason that a person has to mend first."""
    if seen.unready:
        return Refuse("need-failed")
    if seen.state == "lost" and wanted.placement == "docker":
        return Refuse("engine-lost")
    if seen.obstacle == "dependencies-failed" and not (asked.fix and wanted.placement == "native"):
        return None  # an image brings its own
    return Refuse(seen.obstacle) if seen.obstacle else None


def _stays(seen: Seen, wanted: Wanted, asked: Asked) -> bool:
    """Whether what runs may go on: it is where it is wanted, and would be run the same way again."""
    if asked.anew or seen.placement != wanted.placement:
        return False
    if seen.debugged and not asked.debug:
        return True  # it goes back to hot reload when somebody says so
    return seen.fingerprint == wanted.fingerprint and not seen.data_replaced


def _kept(seen: Seen, wanted: Wanted, place: Place) -> tuple[Action, ...]:
    """It goes on, and what belongs to it is looked at all the same: callers, migration, what is inside it."""
    actions: list[Action] = [Resume()] if seen.state == "paused" else []
    ready = seen.ready and not actions
    switch = [] if seen.led or not wanted.routed else [Switch(place)]
    if place == "native":
        actions += switch
    actions += _migration(seen, wanted)
    if not ready and not (seen.debugged and place == "native"):  # one that stands at a breakpoint does not answer
        actions.append(Wait())
    if place == "docker":
        actions += switch
    if not wanted.service and not seen.provisioned:
        actions.append(Provision())
    if Wait() not in actions:
        actions.append(Keep("debugged" if seen.debugged else "ready"))
    return tuple(actions)


def _migration(seen: Seen, wanted: Wanted) -> tuple[Action, ...]:
    """What goes on is migrated where something changed; what is started is migrated in any case."""
    return (Migrate(),) if wanted.migrates and not seen.migrated and not seen.unready else ()


def _launched(seen: Seen, wanted: Wanted, asked: Asked, place: Place) -> tuple[Action, ...]:
    """It is started where it is wanted. What runs elsewhere serves until then, if its callers can be led."""
    moves = seen.placement is not None and seen.placement != place
    late = wanted.routed and (place == "docker" or (moves and wanted.beside))
    switch = [Switch(place, seen.placement if moves else None)] if wanted.routed else []
    return (
        *([Compile()] if asked.debug else []),
        *_ended(seen, wanted, serves=moves and wanted.routed),
        *([] if late else switch),
        Clear(place),
        *([Migrate()] if wanted.migrates else []),
        Launch(place),
        Wait(Stop(place) if late and place == "native" else None),
        *(switch if late else []),
        *([] if wanted.service else [Provision()]),
    )


def _ended(seen: Seen, wanted: Wanted, serves: bool) -> tuple[Action, ...]:
    """What runs is ended, unless it serves until the new one is ready."""
    resume = [Resume()] if seen.state == "paused" else []  # only so it answers what it was asked, and can be ended
    if seen.placement is None or serves:
        return tuple(resume)
    hold = [Hold()] if wanted.routed else []
    return (*resume, *hold, Stop(seen.placement))
