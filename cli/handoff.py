"""`./dev handoff`: give a service to your IDE and take it back, while its address stays."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated

from cli import render
from cli.board import Board
from cli.context import Context
from cli.option import Argument, Option
from converge.errors import DevError, Exit
from converge.lock import hold
from converge.operations import dependencies
from runtime.handoff import handoff, record
from runtime.routes import owner_map

if TYPE_CHECKING:
    from runtime.editors import Written
    from runtime.handoff.handoff import Moved
    from runtime.handoff.record import Record

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = 30 * 86400
"""Seconds; a service that is away for longer is not lent any more."""


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME…", help="Services.")] = None,
    to: Annotated[
        str | None, Option("--to", help="Where it runs: ide (the default), native or docker.", metavar="PLACEMENT")
    ] = None,
    same_address: Annotated[
        bool,
        Option("--same-address", help="Your process listens on 127.0.0.1; requests before that are refused."),
    ] = False,
    back: Annotated[bool, Option("--back", help="Return it to the placement from which it was handed off.")] = False,
    status: Annotated[bool, Option("--status", help="Only show the services that are handed off.")] = False,
    lease: Annotated[str | None, Option("--for", help="Return it automatically after this time.", metavar="2h")] = None,
    json: Annotated[bool, Option("--json", help="One JSON document.")] = False,
) -> int:
    """Move services to your IDE, or to another placement, while callers keep their addresses.

    Start the process in your IDE afterwards; requests that arrive before it listens wait for it. --back returns it.
    """

    _check(to, back, status, for_ide=bool(lease) or same_address)
    if status or (json and not names):
        handoff.check(context.platform, names or [])
        return _show(list(record.records(context.instance).values()), names, json)
    if not names:
        raise DevError("usage", "which service?", hint="./dev handoff NAME, ./dev handoff --status", exit=Exit.USAGE)
    until = time.time() + seconds(lease) if lease else None
    handoff.check(context.platform, names)
    moved: list[Moved] = []
    try:
        with hold(context.instance.dev / "lock", say=render.say), Board(names) as board:
            if to != "docker" and not back:
                _equip(context, names)
            handoff.reconcile(context.platform, board.event, names)
            for name in names:
                if back:
                    moved += _give_back(context, name, board)
                else:
                    moved.append(handoff.move(context.platform, name, to or "ide", board.event, until, same_address))
    finally:
        _report(moved, json)
    return int(Exit.OK)


def _check(to: str | None, back: bool, status: bool, for_ide: bool) -> None:
    """Refuse options that contradict each other, and a placement that there is not."""
    leaves = status or back or to not in (None, "ide")
    if [status, back, to is not None].count(True) > 1 or (for_ide and leaves):
        because = "use only one of --back, --status and --to; --for and --same-address are only for an IDE"
        raise DevError("usage", "these options do not go together", because=because, exit=Exit.USAGE)
    if to not in (None, "ide", "native", "docker"):
        raise DevError(
            "usage", f"{to!r} is not a valid placement", because="it must be ide, native or docker", exit=Exit.USAGE
        )


def _report(moved: list[Moved], json: bool) -> None:
    """What was moved until now, also where a later one could not be."""
    if json:
        render.document({"schema": 1, "services": [each.document() for each in moved]})
        return
    for each in moved:
        _tell(each)


def _give_back(context: Context, name: str, board: Board) -> list[Moved]:
    """What was moved: nothing where it is not handed off."""

    if record.record(context.instance, name):
        return [handoff.give_back(context.platform, name, board.event)]
    owner_map.settle(context.platform)  # a run that was killed may have left it open
    render.say(f"{name} is not handed off")
    return []


def _tell(each: Moved) -> None:
    where = {"ide": "your IDE", "docker": "its container", "native": "its native process"}[each.placement]
    render.out(f"{each.name:<12} http://127.0.0.1:{each.port} now leads to {where}")
    if each.waits:
        render.out(f"    waits for {each.waits}")
    if each.until:
        render.out(f"    returns automatically at {record.clock(each.until)}")
    if each.placement == "ide":
        tell_ide(each.written)
        render.out(f"    give it back: ./dev handoff {each.name} --back")


def seconds(text: str) -> float:
    """`90s`, `30m`, `2h`, `1d` in seconds; DevError for anything else, and for more than a month."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smhd])", text)
    time_asked = float(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < time_asked <= LONGEST:
        because = "it must be a number and s, m, h or d, at most 30d"
        raise DevError("usage", f"{text!r} is not a valid time", because=because, exit=Exit.USAGE)
    return time_asked


def _equip(context: Context, names: list[str]) -> None:
    """Before anything is moved: what services that ran in containers alone need to run outside of them."""

    services = [name for name in names if name in context.loaded.desired.services]
    if wanted := dependencies.without(context.loaded, context.instance, services):
        from cli import progress  # saves 0 ms: --help loads it for other commands
        from cli.start import refuse_open
        from converge import cycle

        refuse_open(cycle.fix(wanted, context.instance, ("tools", "dependencies"), None, progress.listen))


def tell_ide(done: Written) -> None:
    """How to start it; which files changed for that, and which could not."""
    if done.ide:
        render.out(f"    {done.ide}")
    if done.command:
        render.out(f"    or by hand: {done.command}")
    elif done.env_file:
        render.out(f"    by hand: start it with the environment in {done.env_file}")
    if done.files:
        render.out(f"    wrote {', '.join(done.files)}")
    for name in done.lost:
        render.say(f"{name} has a value that debuggers cannot read from a file; a shell can", "yellow")
    for each in done.refused:
        render.say(f"{each.path} was not changed: {each.because}", "yellow")
        if each.paste:
            render.say(f"paste this there:\n{each.paste}")


def _show(records: list[Record], names: list[str] | None, json: bool) -> int:
    wanted = [entry for entry in records if not names or entry.name in names]
    if json:
        render.document({"schema": 1, "handed_off": [vars(entry) for entry in wanted]})
        return int(Exit.OK)
    for entry in wanted:
        until = f", until {record.clock(entry.until)}" if entry.until else ""
        since = record.clock(entry.since)
        word = {"IDE_WAIT": "handed off"}.get(entry.state, entry.state.lower().replace("_", " "))
        render.out(f"{entry.name:<12} {word} since {since}{until}; returns to {entry.home}")
    if not wanted:
        render.say("nothing is handed off")
    return int(Exit.OK)
