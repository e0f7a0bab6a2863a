"""`./dev compose`: Docker Compose with the project, files, profiles and environment of this checkout."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Argument
from converge.errors import DevError, Exit
from converge.lock import hold
from runtime.docker import by_hand

PASS_THROUGH = True
"""All words after the command are for Compose, options too."""


def run(
    context: Context,
    words: Annotated[list[str] | None, Argument("WORD…", help="A command of Compose, and its options.")] = None,
) -> int:
    """Run Docker Compose on the containers of this checkout.

    All words go to Compose as they are, with its standard input, terminal, signals and exit code: ./dev compose ps,
    ./dev compose exec postgres psql -U postgres. Project, files, profiles, ports, images and environment are those of
    ./dev start. It is the plugin of this machine, or the Compose in the store of ./dev. ./dev compose help is Compose's
    own help.
    """

    said = [*(words or ()), *(("--", *context.extra) if words and context.extra else context.extra)]
    if not said:
        raise DevError(
            "usage", "which command of Compose?", hint="./dev compose ps; ./dev compose --help", exit=Exit.USAGE
        )
    alone = hold(context.instance.dev / "lock", say=render.say) if by_hand.makes(said) else contextlib.nullcontext()
    with alone:  # until Compose itself begins
        argv, env = by_hand.call(context.platform, said, os.environ)
    sys.stdout.flush()
    try:
        os.execve(argv[0], argv, env)
    except OSError as problem:
        raise DevError(
            "compose-missing", f"{argv[0]} could not be started", because=str(problem),
            hint="./dev doctor --fix --only docker",
        ) from None  # fmt: skip
