"""`./dev debug`: restart a service under its debugger and say how to attach; or take it out again."""

from __future__ import annotations

from typing import Annotated

from cli import progress, render
from cli.board import Board
from cli.context import Context
from cli.handoff import tell_ide
from cli.option import Argument, Option
from cli.start import refuse_open
from converge import cycle
from converge.errors import DevError, Exit
from converge.lock import hold
from runtime import editors, placements, start
from runtime.handoff import handoff
from runtime.services import debugging

WAYS = {"vscode": ("VS Code", "F5 on `{}`"), "jetbrains": ("JetBrains", "{}"), "terminal": ("terminal", "{}")}


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME", help="A service.")] = None,
    off: Annotated[bool, Option("--off", help="Return to hot reload.")] = False,
    json: Annotated[bool, Option("--json", help="One JSON document.")] = False,
) -> int:
    """Restart a service natively under its debugger, on a fixed port of 127.0.0.1, and say how to attach.

    It serves at once; attach whenever you like, and run it again after an edit. It stays under the debugger, whatever
    else is started, until --off, `./dev restart NAME` or `./dev stop`. What it wants is made ready and started first.
    """

    if not names or len(names) > 1:
        raise DevError(
            "usage", "which service?", because="one service is needed", hint="./dev debug NAME", exit=Exit.USAGE
        )
    platform = context.platform
    component = platform.component(names[0])
    with hold(context.instance.dev / "lock", say=render.say):
        handoff.reconcile(platform, lambda name, text, seconds: render.say(f"{name:<12} {text}"), names)
        if off and not debugging.under(component) and placements.lives(component):
            render.say(f"{component.name} is not under a debugger")
            return int(Exit.OK)
        if not off:
            debugging.check(platform, component)
            _prepare(context, debugging.wanted(platform, component))
        with Board(names) as board:
            if off:
                failed = start.restart(platform, names, board.event)
            else:
                failed = start.debug(platform, component.name, board.event)
    for problem in failed.values():
        render.error(problem)
    if failed:
        return int(Exit.NOT_CONVERGED)
    if off:
        return int(Exit.OK)
    made, written = debugging.attach(platform, component), editors.sync(platform, component.name)
    if json:
        render.document(made.document())
        return int(Exit.OK)
    render.out(f"{made.name:<12} under {made.debugger} on {made.address}")
    for word, way in made.attach.items():
        render.out(f"    {WAYS[word][0]:<10} {WAYS[word][1].format(way)}")
    tell_ide(written)
    render.out(f"    back to hot reload: ./dev debug {made.name} --off")
    return int(Exit.OK)


def _prepare(context: Context, debuggers: frozenset[str]) -> None:
    """What a start needs, and the debugger."""

    refuse_open(cycle.prepare(context.loaded, context.instance, progress.listen, debuggers=debuggers))
