"""`./dev trust`: which checkouts may be run that are not the tool's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Argument, Option
from converge import trust
from converge.desired import Loaded, Ready
from converge.errors import DevError, Exit
from converge.trust import Record
from facts import terminal

SHOWN = 8
"""Commands that are shown at most."""


def run(
    context: Context,
    paths: Annotated[list[str] | None, Argument("DIR", help="The checkout; default: that of -C.")] = None,
    list_only: Annotated[bool, Option("--list", help="Show what is trusted, and change nothing.")] = False,
    revoke: Annotated[bool, Option("--revoke", help="Trust it no longer.")] = False,
    json: Annotated[bool, Option("--json", help="One JSON document.")] = False,
) -> int:
    """Trust a checkout: commands of another ./dev may then run its services, tools and hooks.

    Its own ./dev needs no trust. It ends when the git remotes change, or when the directory is made again with other
    content; without a remote, also when desired_state.toml or its lock changes.
    """
    if list_only and (paths or revoke):
        raise DevError("usage", "--list shows all checkouts", hint="./dev trust --list", exit=Exit.USAGE)
    if paths and len(paths) > 1:
        raise DevError("usage", "one directory is needed", hint="./dev trust DIR", exit=Exit.USAGE)
    if list_only:
        records = trust.everything()
    elif revoke:
        return _revoke(_directory(context, paths, gone=True), json)
    else:
        records = [trust.keep(_directory(context, paths))]
    if json:
        render.document({"schema": 1, "trusted": [_document(record) for record in records]})
        return int(Exit.OK)
    for record in records:
        render.out(f"{terminal.shown(record.path)} ({', '.join(_words(record))})")
    if not records:
        render.say("no checkout is trusted but the one of this ./dev")
    return int(Exit.OK)


def describe(checkout: Path, loaded: Loaded) -> Iterator[str]:
    """What a person should know before trusting it: whose it is, where it comes from, what it can run."""
    owner = trust.user(checkout.stat().st_uid)
    yield f"owner    {owner}"
    yield f"remotes  {terminal.shown(', '.join(trust.remotes(checkout)) or 'none', colours=False)}"
    commands = list(_commands(loaded))
    for where, command in commands[:SHOWN]:
        text = terminal.shown(" ".join(command.split()), colours=False)
        yield f"runs     {text if len(text) <= 80 else text[:79] + '…'} ({terminal.shown(where, colours=False)})"
    if len(commands) > SHOWN:
        yield f"         and {len(commands) - SHOWN} more commands"


def _commands(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Where in the file, and which command; a service without one runs what its kind says."""
    desired = loaded.desired
    if desired.project.system_test:
        yield loaded.source("project.system_test"), desired.project.system_test
    for name, infra in desired.infra.items():
        if infra.run:
            yield loaded.source(f"infra.{name}.run"), infra.run
    for name, service in desired.services.items():
        for key in ("dev", "migrate", "test", "debug"):
            if text := getattr(service, key):
                yield loaded.source(f"services.{name}.{key}"), text
        if not service.dev:
            yield loaded.source(f"services.{name}"), f"{service.kind} in {service.path}"
    for name, ready in _ready(loaded):
        if ready and ready.exec:
            yield loaded.source(f"{name}.ready"), ready.exec
    for name, suite in desired.tests.items():
        yield loaded.source(f"tests.{name}.command"), suite.command


def _ready(loaded: Loaded) -> Iterator[tuple[str, Ready | None]]:
    """Key of each component, and when it counts as ready."""
    yield from ((f"infra.{name}", infra.ready) for name, infra in loaded.desired.infra.items())
    yield from ((f"services.{name}", service.ready) for name, service in loaded.desired.services.items())


def _directory(context: Context, paths: list[str] | None, gone: bool = False) -> Path:
    """The checkout that is named; DevError if it is not a directory, unless it may be `gone`."""
    if not paths:
        return context.checkout
    found = Path(paths[0]).resolve()
    if not gone and not found.is_dir():
        raise DevError("no-checkout", f"{found} is not a directory", hint="./dev trust --list", exit=Exit.USAGE)
    return found


def _revoke(checkout: Path, json: bool) -> int:
    gone = trust.revoke(checkout)
    if json:
        render.document({"schema": 1, "revoked": [str(checkout)] if gone else []})
    else:
        render.say(f"{checkout} is {'no longer trusted' if gone else 'not in the list: ./dev trust --list'}")
    return int(Exit.OK)


def _document(record: Record) -> dict[str, object]:
    return {**record.document(), "valid": not trust.missing(Path(record.path))}


def _words(record: Record) -> Iterator[str]:
    """What is said of a checkout in the list."""
    yield terminal.shown(" ".join(record.remotes) or "no git remote", colours=False)
    if record.owners:
        yield f"of {', '.join(map(trust.user, record.owners))}"
    if record.since:
        yield f"since {datetime.fromtimestamp(record.since, UTC):%Y-%m-%d}"
    if missing := trust.missing(Path(record.path)):
        yield f"to be trusted again: {missing}"
