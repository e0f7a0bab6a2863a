"""Show which secrets there are, give one a new value while services run."""

from __future__ import annotations

import time
from typing import Annotated

from cli import render
from cli.board import Board
from cli.context import Context
from cli.option import Argument, Option
from converge import envfile
from converge.context import context_of
from converge.errors import DevError, Exit
from converge.local_machine import LocalMachine
from converge.lock import hold
from runtime.secrets import rotation

Json = Annotated[bool, Option("--json", help="One JSON document.")]


def list_secrets(context: Context, json: Json = False) -> int:
    """Show the secrets of [env] by name, never by value."""

    found = rotation.listed(context.platform)
    if json:
        render.document({"schema": 1, "secrets": [vars(each) for each in found]})
        return int(Exit.OK)
    for each in found:
        how = "generated" if each.generated else "given"
        more = ", can be rotated" if each.generated and each.previous else ""
        more = (
            f", rotation was interrupted in step {each.step}: ./dev secrets rotate {each.name}" if each.step else more
        )
        render.out(f"{each.name:<28} {'set' if each.set else 'absent':<7} {how}{more}")
    return int(Exit.OK)


def rotate(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME", help="The secret.")] = None,
    json: Json = False,
) -> int:
    """Give a generated secret a new value, with no call refused meanwhile.

    Restarts what runs three times, one after another. If it is interrupted, the same command continues it.
    """

    if not names or len(names) != 1:
        raise DevError("usage", "one secret's name is needed", hint="./dev secrets list", exit=Exit.USAGE)
    instance = context.instance
    began = time.monotonic()
    with (
        hold(instance.dev / "lock", say=render.say),
        LocalMachine(context_of(context.loaded, instance)) as machine,
        Board([]) as board,
    ):
        envfile.settle(instance)
        try:
            restarted = rotation.rotate(
                context.platform, names[0], lambda text: machine.write(envfile.path(instance), text.encode(), 0o600),
                render.say, board.event,
            )  # fmt: skip
        except KeyboardInterrupt:
            render.say(f"./dev secrets rotate {names[0]} continues where this was interrupted", "yellow")
            raise
    seconds = round(time.monotonic() - began, 1)
    if json:
        render.document({"schema": 1, "name": names[0], "restarted": restarted, "seconds": seconds})
    else:
        render.out(f"{names[0]} has a new value ({len(restarted)} restarts, {seconds} s)")
    return int(Exit.OK)


COMMANDS = {"list": list_secrets, "rotate": rotate}
