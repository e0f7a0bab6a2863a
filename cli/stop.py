"""`./dev stop`: end everything."""

from __future__ import annotations

from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Argument
from converge import leftovers, trust
from converge.lock import hold
from runtime import placements
from runtime.stop import stop


def run(
    context: Context, names: Annotated[list[str] | None, Argument("NAME…", help="Components; all without.")] = None
) -> int:
    """End every component, or the named ones; data stay."""

    if not context.trusted:
        return _refused(context, names)
    with hold(context.instance.dev / "lock", say=render.say):
        ended = stop(context.platform, names)
    render.say(f"stopped {', '.join(ended)}" if ended else "nothing was running")
    return 0


def _refused(context: Context, names: list[str] | None) -> int:
    """Nothing is ended because of what a checkout says that is not trusted: its records could name any process."""
    wanted = names or list(context.platform.components)
    left = leftovers.everywhere(context.instance, ())
    runs = [name for name in wanted if name in left or placements.lives(context.platform.component(name))]
    if runs:
        raise trust.refused(context.checkout, f"by its records {', '.join(runs)} may run, and would be ended")
    render.say("nothing was running")
    return 0
