"""`./dev stop`: end everything."""

from __future__ import annotations

from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Argument
from converge.lock import hold
from runtime.stop import stop


def run(
    context: Context, names: Annotated[list[str] | None, Argument("NAME…", help="Components; all without.")] = None
) -> int:
    """End every component, or the named ones; data stay."""

    with hold(context.instance.dev / "lock", say=render.say):
        ended = stop(context.platform, names)
    render.say(f"stopped {', '.join(ended)}" if ended else "nothing was running")
    return 0
