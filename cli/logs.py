"""`./dev logs`: what the components said, in the order they said it."""

from __future__ import annotations

import time
from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Argument, Option

COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME…", help="Components; all without.")] = None,
    follow: Annotated[bool, Option("-f", "--follow", help="Go on with what comes.")] = False,
    grep: Annotated[str | None, Option("--grep", help="Only lines that match.", metavar="PATTERN")] = None,
) -> int:
    """Show the logs of all or the named components, ordered by time."""
    import re
    import sys

    from runtime import platform

    order = [*context.loaded.desired.infra, *context.loaded.desired.services]
    last: set[tuple[str, str, str]] = set()
    while True:
        for row in (rows := list(platform.merged_logs(context.loaded, context.instance, names))):
            stamp, name, text = row
            if row not in last and (grep is None or re.search(grep, text)):
                colour = COLOURS[order.index(name) % len(COLOURS)]
                render.out(f"{stamp[11:-1]} {render.style(f'{name:<10}', colour)} {text}")
        last = set(rows)
        if not follow:
            return 0
        sys.stdout.flush()
        time.sleep(0.2)
