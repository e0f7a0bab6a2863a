"""`./dev run`: the tasks of the desired state, each a command with a name."""

from __future__ import annotations

import difflib
import os
import sys
from typing import Annotated

from cli import progress, render, start
from cli.context import Context
from cli.option import Argument, Option
from converge import cycle
from converge.desired import Task
from converge.errors import DevError, Exit
from converge.lock import hold
from runtime.environment import of_task
from runtime.placements.choice import Asked


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("NAME", help="A task; without, all are listed.")] = None,
    json: Annotated[bool, Option("--json", help="The list as one JSON document.")] = False,
) -> int:
    """Run a task of [tasks], or list them.

    What the task needs is started first. It runs with the pinned tools and [env], as in ./dev shell, with this terminal
    and its own exit code. Words after -- are added to its command: ./dev run lint -- --fix
    """

    tasks = context.loaded.desired.tasks
    if not names:
        _list(tasks, json)
        return int(Exit.OK)
    if len(names) > 1:
        because = "words for the command follow after --"
        hint = f"./dev run {names[0]} -- {' '.join(names[1:])}"
        raise DevError("usage", "one task at a time", because=because, hint=hint, exit=Exit.USAGE)
    if (task := tasks.get(names[0])) is None:
        near = difflib.get_close_matches(names[0], tasks, 1)
        hint = f"did you mean {near[0]}?" if near else "./dev run lists the tasks"
        because = f"declared are: {', '.join(tasks) or 'none'}"
        raise DevError("usage", f"there is no task {names[0]!r}", because=because, hint=hint, exit=Exit.USAGE)
    if not _ready(context, task):
        return int(Exit.NOT_CONVERGED)
    _become(context, names[0], task)
    raise AssertionError("exec returned")


def _list(tasks: dict[str, Task], json: bool) -> None:
    if json:
        rows = [
            {"name": name, "run": task.run, "path": task.path, "needs": list(task.needs), "help": task.help or None}
            for name, task in tasks.items()
        ]
        render.document({"schema": 1, "tasks": rows})
        return
    for name, task in tasks.items():
        render.out(f"{name:<18} {task.help or task.run.strip().splitlines()[0]}")
    if not tasks:
        render.say('no tasks are declared: [tasks.NAME] run = "…" in desired_state.toml')


def _ready(context: Context, task: Task) -> bool:
    """Whether the tools are there, and what the task needs runs."""
    if task.needs:
        return start.started(context, list(task.needs), Asked(), yes=False)
    with hold(context.instance.dev / "lock", say=render.say):
        start.refuse_open(cycle.prepare(context.loaded, context.instance, progress.listen))
    return True


def _become(context: Context, name: str, task: Task) -> None:
    """Let the task take the place of this process: its exit code, signals and terminal are its own."""
    place = context.checkout / task.path
    script = f'{task.run} "$@"' if context.extra else task.run
    sys.stdout.flush()
    try:
        os.chdir(place)
        os.execve("/bin/sh", ["/bin/sh", "-c", script, name, *context.extra], of_task(context.platform, name))
    except OSError as problem:
        raise DevError(
            "command-missing", f"task {name} could not be started", because=f"{problem.filename}: {problem.strerror}",
            source=context.loaded.source(f"tasks.{name}"),
        ) from None  # fmt: skip
