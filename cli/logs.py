"""`./dev logs`: what the components said, in the order they said it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from cli import render
from cli.context import Context
from cli.option import Argument, Option
from converge.errors import DevError, Exit

if TYPE_CHECKING:
    from runtime.logs import Line

COLOURS = ("cyan", "green", "magenta", "yellow", "blue")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME…", help="Components; all without.")] = None,
    follow: Annotated[bool, Option("-f", "--follow", help="Go on with what comes.")] = False,
    since: Annotated[
        str | None, Option("--since", help="Only what is younger: 30s, 10m, 2h, 1d, or a UTC time.", metavar="AGE")
    ] = None,
    grep: Annotated[str | None, Option("--grep", help="Only lines that match.", metavar="PATTERN")] = None,
) -> int:
    """Show what the components said, ordered by time."""
    from runtime import logs

    platform = context.platform
    wanted = list(map(platform.component, names)) if names else list(platform.components.values())
    try:
        pattern = re.compile(grep or "")
    except re.error as problem:
        raise DevError("usage", f"{grep!r} is not a pattern", because=str(problem), exit=Exit.USAGE) from None
    order = list(platform.components)
    mark = logs.mark(wanted) if follow else None
    show(logs.kept(wanted, _stamp(since), mark), pattern, order)
    if mark:
        for lines in logs.follow(wanted, mark):
            show(lines, pattern, order)
    return int(Exit.OK)


def show(lines: Iterable[Line], pattern: re.Pattern[str], order: list[str]) -> None:
    """Print the lines that match, each component in its colour."""
    width = max((len(name) for name in order), default=0)
    for line in lines:
        if pattern.search(line.text):
            colour = COLOURS[order.index(line.component) % len(COLOURS)]
            name = render.style(f"{line.component:<{width}}", colour)
            render.out(f"{render.style(line.stamp[11:-1], 'dim')} {name} {line.text}")
    sys.stdout.flush()


def _stamp(since: str | None) -> str:
    if since is None:
        return ""
    if found := re.fullmatch(r"(\d+)([smhd])", since):
        past = datetime.now(UTC) - timedelta(**{UNITS[found.group(2)]: int(found.group(1))})
        return past.strftime("%Y-%m-%dT%H:%M:%S")
    if re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\d)?)?)?", since):
        return since
    raise DevError(
        "usage", f"{since!r} is not an age", because="it is a number with s, m, h or d, or a UTC time as logs show it",
        hint="./dev logs --since 10m", exit=Exit.USAGE,
    )  # fmt: skip
