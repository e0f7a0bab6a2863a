"""`./dev stop`: end everything."""

from __future__ import annotations

import os
from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Argument
from converge import leftovers, trust
from converge.errors import DevError, Exit
from converge.instance import check_name
from converge.lock import hold
from runtime import placements
from runtime.platform import Platform
from runtime.stop import stop


def run(
    context: Context, names: Annotated[list[str] | None, Argument("NAME…", help="Components; all without.")] = None
) -> int:
    """End every component, or the named ones; data stay.

    If desired_state.toml cannot be read, it ends everything that the records of this checkout name.
    """

    if not context.trusted:
        return _refused(context, names)
    platform = _platform(context, names)
    with hold(platform.instance.dev / "lock", say=render.say):
        ended = stop(platform, names)
    render.say(f"stopped {', '.join(ended)}" if ended else "nothing was running")
    return 0


def _platform(context: Context, names: list[str] | None) -> Platform:
    """What is declared; if that cannot be read, what the records of this checkout say, unless components are named."""
    try:
        return context.platform
    except DevError as problem:
        name = context.instance_name or os.environ.get("DEV_INSTANCE", "")
        if problem.exit != Exit.BAD_STATE or names:
            raise
        from runtime.docker import recorded  # saves 20 ms of a stop

        if name:
            check_name(name)
        if (found := recorded.platform(context.checkout, name)) is None:
            raise
        where = f" ({problem.source})" if problem.source else ""
        render.say(f"{problem.what}{where}: what runs is found by the records in .dev", "yellow")
        return found


def _refused(context: Context, names: list[str] | None) -> int:
    """Nothing is ended because of what a checkout says that is not trusted: its records could name any process."""
    wanted = names or list(context.platform.components)
    left = leftovers.everywhere(context.instance, ())
    runs = [name for name in wanted if name in left or placements.lives(context.platform.component(name))]
    if runs:
        raise trust.refused(context.checkout, f"by its records {', '.join(runs)} may run, and would be ended")
    render.say("nothing was running")
    return 0
