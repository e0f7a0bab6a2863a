"""`./dev shell`: a shell in which the pinned tools and the variables of [env] are there."""

from __future__ import annotations

import os
from typing import Annotated

import facts.shell
from cli.context import Context
from cli.option import Argument
from converge.errors import DevError, Exit
from facts.local import LocalReader
from facts.probe import observe
from runtime.environment import of_component, toolbox


def run(context: Context, names: Annotated[list[str] | None, Argument("NAME", help="A service.")] = None) -> int:
    """Start your shell with the pinned tools and [env].

    With NAME, with all that service gets.

    Words after -- are run instead: ./dev shell -- go version
    """

    if names and len(names) > 1:
        raise DevError("usage", "one service at most", hint="./dev shell orders", exit=Exit.USAGE)
    if names:
        more = of_component(context.platform, context.platform.component(names[0]))
    else:
        more = toolbox(context.platform)
    env = {**os.environ, **more, "DEV_SHELL": context.instance.project}
    argv = list(context.extra)
    if not argv:
        found = observe([facts.shell.probe()], LocalReader())["shell"]
        argv = [getattr(found, "path", "") or os.environ.get("SHELL", "") or "/bin/sh"]
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as problem:
        raise DevError("command-missing", f"{argv[0]} could not be started", because=str(problem)) from None
