"""`./dev logs`: what the components said, in the order they said it."""

from __future__ import annotations

import re
import select
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated

from cli import render
from cli.context import Context
from cli.lines import Form, Printer, printer
from cli.option import Argument, Option
from converge.errors import DevError, Exit
from runtime.logs import reader, times
from runtime.logs.containers import stamped
from runtime.logs.lines import Line

BATCH = 2000
"""Lines that are printed at once."""
SETTLED = timedelta(seconds=1)
"""How long after --until its last lines are in the files."""


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME…", help="Components; all without.")] = None,
    follow: Annotated[bool, Option("-f", "--follow", help="Go on with what comes, until Ctrl-C or --until.")] = False,
    since: Annotated[
        str | None,
        Option("--since", help="Only from then on: 90s, 1h30m, 2d, 17:02:27, 2026-11-25T17:02+01:00.", metavar="TIME"),
    ] = None,
    until: Annotated[str | None, Option("--until", help="Only up to then, in the same forms.", metavar="TIME")] = None,
    grep: Annotated[
        str | None, Option("--grep", help="Only lines in which it is found; colours do not count.", metavar="PATTERN")
    ] = None,
    raw: Annotated[bool, Option("--raw", help="JSON lines as they were written, also on a terminal.")] = False,
    json: Annotated[bool, Option("--json", help="A JSON object for each line: time, component, text, fields.")] = False,
) -> int:
    """Show what the components said, ordered by time (UTC)."""
    if raw and json:
        raise DevError("usage", "--raw and --json exclude each other", hint="./dev logs --json", exit=Exit.USAGE)
    first, last = _span(since, until)
    everyone = context.platform.components
    wanted = list(map(context.platform.component, names)) if names else list(everyone.values())
    people = sys.stdout.isatty()
    form: Form = "json" if json else "people" if people and not raw else "text"
    shown = printer(list(everyone), form, people, _pattern(grep))
    found = reader.readers(wanted)
    show(shown, reader.kept(found, first, last))
    for lines in reader.follow(found, lambda: follow and _go_on(last)):
        show(shown, (line for line in lines if not last or line.order <= last))
    return int(Exit.OK)


def show(shown: Printer, lines: Iterable[Line]) -> None:
    """Print the lines."""
    rest = iter(lines)
    while batch := list(islice(rest, BATCH)):
        texts = [text for line in batch if (text := shown.text(line)) is not None]
        if texts:
            render.out("\n".join(texts), colours=True)
    sys.stdout.flush()


def _span(since: str | None, until: str | None) -> tuple[str, str]:
    """The first and the last stamp that is shown; empty where there is no limit."""
    first, last = times.since(since) if since else "", times.until(until) if until else ""
    if first and last and last < first:
        raise DevError("usage", "--until is before --since", because=f"{last} < {first}", exit=Exit.USAGE)
    return first, last


def _pattern(grep: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(grep) if grep else None
    except re.error as problem:
        raise DevError("usage", f"{grep!r} is not a valid pattern", because=str(problem), exit=Exit.USAGE) from None


def _go_on(last: str) -> bool:
    """Until the moment has passed, or the reader of the output has closed it."""
    if last and stamped(datetime.now(UTC) - SETTLED) > last:
        return False
    look = select.poll()
    look.register(sys.stdout.fileno(), 0)
    if any(event & select.POLLERR for _, event in look.poll(0)):
        raise BrokenPipeError
    return True
