"""`./dev start`: make ready what is needed, then run everything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from cli import progress, render
from cli.board import Board
from cli.context import Context
from cli.option import Argument, Option
from converge import auth, cycle, daemon
from converge.context import context_of
from converge.errors import DevError, Exit
from converge.local_machine import LocalMachine
from converge.lock import hold
from converge.tools import SUBSTITUTED
from facts import docker
from runtime import handoff
from runtime.placements.choice import Asked
from runtime.start import start

if TYPE_CHECKING:
    from converge.context import Purpose
    from converge.report import Report


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME…", help="Components; all without.")] = None,
    no_fix: Annotated[bool, Option("--no-fix", help="Do not repair anything first.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Consent to steps that change the whole machine.")] = False,
    docker: Annotated[bool, Option("--docker", help="Run services in containers too.")] = False,
    infra: Annotated[
        str | None, Option("--infra", help="Where infrastructure runs: docker or native.", metavar="PLACEMENT")
    ] = None,
) -> int:
    """Make this checkout ready and run everything.

    With names, those components and all they need or use. Services run natively unless --docker is given.
    """

    if infra not in (None, "docker", "native"):
        raise DevError("usage", f"{infra!r} is no placement", because="it is docker or native", exit=Exit.USAGE)
    asked = Asked("docker" if docker else None, infra)  # type: ignore[arg-type]
    wanted = context.platform.chosen(names)
    with hold(context.instance.dev / "lock", say=render.say):
        if not no_fix:
            _prepare(context, yes, docker)
        with Board(list(wanted)) as board:
            handoff.reconcile(context.platform, board.event, names or [])
            failed = start(context.platform, names, board.event, asked)
            if any(problem.code == "engine-left-over" for problem in failed.values()) and _engine_again(context):
                failed = start(context.platform, names, board.event, asked)
    for problem in failed.values():
        if problem.code != "need-failed":
            render.error(problem)
    if failed:
        return int(Exit.NOT_CONVERGED)
    for name, component in wanted.items():
        if component.port and component.is_service:
            render.out(f"{name:<12} http://127.0.0.1:{component.port}")
    _banner(context)
    return int(Exit.OK)


def _banner(context: Context) -> None:
    """Where identities come from, loudly where anybody at this machine may be anybody."""

    identity = auth.look(context.loaded, context.instance)
    if identity and identity.mode in ("local", "test"):
        how = " Sign in: ./dev sign-in --open; for curl: ./dev token" if context.loaded.desired.auth else ""
        mode = identity.mode.upper()
        render.say(f"AUTH MODE {mode}: identities of this machine alone, not for production.{how}", "bold", "yellow")


def _engine_again(context: Context) -> bool:
    """End and start an engine of our own, which alone makes it forget what a kill cut off; False if it is not ours."""

    if docker.look().host != f"unix://{docker.SOCKET}":  # the one that is used is another
        return False
    with LocalMachine(context_of(context.loaded, context.instance), render.say) as machine:
        if not daemon.stop_own(machine):
            return False
        wants = context.loaded.desired.docker
        daemon.start(machine, os.environ.get("DEV_REGISTRY_MIRROR") or (wants.mirror if wants else None) or "")
    return True


def refuse_open(report: Report) -> None:
    """Raise the first thing that a start cannot do without; a port is checked by the component that needs it."""

    for item in report.open:
        if item.id.partition(".")[2] in SUBSTITUTED and item.noun == "tools":
            render.say(f"{item.id} cannot be had ({item.because}): {SUBSTITUTED[item.id.partition('.')[2]]}", "yellow")
        elif item.noun == "docker":  # what can run without it does, and what cannot says so
            render.say(f"{item.id} is {item.status}: {item.because or item.found}", "yellow")
        elif item.noun != "ports":
            raise DevError(
                item.code or "not-converged", f"{item.id} is {item.status}: found {item.found}, want {item.want}",
                because=item.because, hint=item.hint or "see ./dev doctor", source=item.source, exit=report.exit_code,
            )  # fmt: skip


def _prepare(context: Context, yes: bool, docker: bool) -> None:
    purpose: Purpose = "containers" if docker else "start"
    report = cycle.prepare(context.loaded, context.instance, progress.listen, yes, purpose=purpose)
    refuse_open(report)
