"""`./dev restart`: stop and start again."""

from __future__ import annotations

from typing import Annotated

from cli import render
from cli.board import Board
from cli.context import Context
from cli.option import Argument
from converge.errors import Exit
from converge.lock import hold
from runtime import start
from runtime.handoff import handoff


def run(context: Context, names: Annotated[list[str] | None, Argument("NAME…", help="Components.")] = None) -> int:
    """Restart the named components, or all services."""

    with hold(context.instance.dev / "lock", say=render.say), Board(names or []) as board:
        handoff.reconcile(context.platform, board.event, names or [])
        failed = start.restart(context.platform, names, board.event)
    for problem in failed.values():
        render.error(problem)
    return int(Exit.NOT_CONVERGED if failed else Exit.OK)
