"""`./dev start`: make ready what is needed, then run everything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from cli import preparing, render
from cli.board import Board
from cli.context import Context
from cli.option import Argument, Option
from converge import auth, daemon
from converge.context import context_of
from converge.errors import DevError, Exit
from converge.local_machine import LocalMachine
from converge.lock import hold
from converge.operations import state
from converge.steps import Item
from converge.tools import SUBSTITUTED
from facts import docker
from runtime import start
from runtime.handoff import handoff
from runtime.placements.choice import Asked
from runtime.start.installing import NOUN, Installing

if TYPE_CHECKING:
    from converge.context import Purpose
    from converge.report import Report
    from runtime.placements.choice import Asked


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME…", help="Components; all without.")] = None,
    no_fix: Annotated[bool, Option("--no-fix", help="Start without repairs.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Consent to steps that change the whole machine.")] = False,
    docker: Annotated[bool, Option("--docker", help="Run services in containers too.")] = False,
    infra: Annotated[
        str | None, Option("--infra", help="Where infrastructure runs: docker or native.", metavar="PLACEMENT")
    ] = None,
    watch: Annotated[
        bool, Option("--watch", help="With --docker: build a service again after each edit, until Ctrl-C.")
    ] = False,
) -> int:
    """Make this checkout ready and run everything.

    With names, those components and all they need or use. Services run natively unless --docker is given.
    """

    if watch and not docker:
        because = "native services reload by themselves"
        raise DevError("usage", "--watch is for --docker", because=because, exit=Exit.USAGE)

    if infra not in (None, "docker", "native"):
        raise DevError(
            "usage", f"{infra!r} is not a valid placement", because="it must be docker or native", exit=Exit.USAGE
        )
    asked = Asked("docker" if docker else None, infra, fix=not no_fix)  # type: ignore[arg-type]
    if not started(context, names, asked, yes):
        return int(Exit.NOT_CONVERGED)
    for name, component in context.platform.chosen(names).items():
        if component.port and component.is_service:
            render.out(f"{name:<12} http://127.0.0.1:{component.port}")
    _banner(context)
    if watch:
        from cli import watching  # saves 20 ms of a start without containers

        chosen = context.platform.chosen(names).values()
        watching.follow(chosen, lambda edited: started(context, edited, asked, yes))
    return int(Exit.OK)


def started(context: Context, names: list[str] | None, asked: Asked, yes: bool) -> bool:
    """Prepare and start; whether all is well. What is known to fail is said first, as a preparation may take long."""

    platform = context.platform
    wanted = platform.chosen(names)
    with hold(context.instance.dev / "lock", say=render.say):
        taken = start.taken_ports(platform, wanted)
        for problem in taken.values():
            render.error(problem)
        startable = start.without(wanted, taken)
        purpose: Purpose = "containers" if asked.services == "docker" else "start"
        prepared = preparing.NOTHING
        if asked.fix and (startable or not wanted):
            prepared = preparing.prepare(context, wanted, startable if names or taken else None, yes, purpose)
            refuse_open(prepared.report, but=NOUN)
        obstacles = {**taken, **prepared.obstacles}
        with Board(list(wanted)) as board, _installing(context, prepared, board, purpose) as packages:
            handoff.reconcile(platform, board.event, names or [])
            failed = start.start(platform, names, board.event, asked, obstacles, packages.results)
            if any(problem.code == "engine-left-over" for problem in failed.values()) and _engine_again(context):
                failed = start.start(platform, names, board.event, asked, obstacles, packages.results)
    failed = packages.late | failed
    for name, problem in failed.items():
        if problem.code != "need-failed" and name not in taken:
            render.error(problem)
    return not failed


def _installing(context: Context, prepared: preparing.Prepared, board: Board, purpose: Purpose) -> Installing:
    """What services still lack; all of it at once if one is handed off, as that may be started by a hand-off."""
    loaded = prepared.loaded or context.loaded
    found = Installing(loaded, context.instance, prepared.lacking, board.event, purpose)
    if any(context.instance.handed(name).exists() for name in prepared.lacking):
        with found:
            found.wait()
    return found


def _banner(context: Context) -> None:
    """Warn where identities come from if every user of this machine can use any identity."""

    identity = auth.look(context.loaded, context.instance)
    if identity and identity.mode in ("local", "test"):
        how = " Sign in: ./dev sign-in --open; for curl: ./dev token" if context.loaded.desired.auth else ""
        mode = identity.mode.upper()
        render.say(f"AUTH MODE {mode}: identities for this machine only, not for production.{how}", "bold", "yellow")


def _engine_again(context: Context) -> bool:
    """Restart an engine that ./dev started, which clears what a kill left in it; False if ./dev did not start it."""

    if docker.look().host != f"unix://{docker.SOCKET}":  # the one that is used is another
        return False
    with LocalMachine(context_of(context.loaded, context.instance), render.say) as machine:
        if not daemon.stop_own(machine):
            return False
        wants = context.loaded.desired.docker
        daemon.start(machine, os.environ.get("DEV_REGISTRY_MIRROR") or (wants.mirror if wants else None) or "")
    return True


def _lacking(item: Item, report: Report) -> DevError:
    name = item.id.partition(".")[2]
    what = f"{name} is {item.found or item.status}" + (f", and {item.want} is wanted" if item.want else "")
    hint = item.hint or "see ./dev doctor"
    if item.hint and len(report.open) > 1:
        hint += "; ./dev doctor shows what else is missing"
    code = item.code or "not-converged"
    return DevError(code, what, because=item.because, hint=hint, source=item.source, exit=report.exit_code)


def refuse_open(report: Report, but: str = "") -> None:
    """Raise the first thing that a start cannot do without, `but` for a noun that is said otherwise.

    A port and a file of one component are checked by that component.
    """

    for item in report.open:
        if item.id.partition(".")[2] in SUBSTITUTED and item.noun == "tools":
            render.say(
                f"{item.id} is not available ({item.because}): {SUBSTITUTED[item.id.partition('.')[2]]}", "yellow"
            )
        elif item.noun == "docker":  # what can run without it does, and what cannot says so
            render.say(f"{item.id} is {item.status}: {item.because or item.found}", "yellow")
        elif item.noun not in ("ports", but) and not state.of_component(item):
            raise _lacking(item, report)
