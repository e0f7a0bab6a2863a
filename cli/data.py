"""Save data, restore them, copy them, delete them."""

from __future__ import annotations

import sys
import time
from typing import Annotated

from cli import render
from cli.board import Board
from cli.context import Context
from cli.option import Argument, Option
from converge.errors import DevError, Exit
from converge.lock import hold
from runtime.data import snapshots, transfer

Name = Annotated[list[str] | None, Argument("NAME", help="The snapshot.")]
Force = Annotated[bool, Option("--force", help="Do not ask.")]


def snapshot(context: Context, names: Name = None, force: Force = False) -> int:
    """Put today's data aside under a name."""
    began, name = time.monotonic(), _one(names)
    with hold(context.instance.dev / "lock", say=render.say):
        made = snapshots.snapshot(context.platform, name, force)
        for copy, problem in snapshots.write_old(context.platform).items():
            render.say(f"the earlier snapshot {copy} is still only in the server: {problem}", "yellow")
    render.say(f"saved as {', '.join(made)} ({time.monotonic() - began:.1f} s)", "green")
    return int(Exit.OK)


def restore(context: Context, names: Name = None) -> int:
    """Put the data of a snapshot in the place of today's."""
    began, name = time.monotonic(), _one(names)
    with hold(context.instance.dev / "lock", say=render.say):
        done = snapshots.restore(context.platform, name)
    render.say(f"{', '.join(done)} as of {name} ({time.monotonic() - began:.1f} s)", "green")
    return int(Exit.OK)


def list_snapshots(context: Context) -> int:
    """Show the snapshots."""
    if snapshots.shut(context.platform):
        _reopen(context)
    for name in snapshots.snapshots(context.platform):
        render.out(name)
    return int(Exit.OK)


def _reopen(context: Context) -> None:
    """Open what a killed snapshot left closed; while another command works, it may have closed it itself."""
    try:
        with hold(context.instance.dev / "lock", timeout=0):
            for name in snapshots.reopen(context.platform):
                render.say(f"{name} was closed by a snapshot that was killed; it is open again", "yellow")
    except DevError as problem:
        if problem.code != "locked":
            raise


def delete(context: Context, names: Name = None) -> int:
    """Give a snapshot up."""
    with hold(context.instance.dev / "lock", say=render.say):
        deleted = snapshots.delete(context.platform, _one(names))
    if not deleted:
        raise DevError("snapshot-unknown", f"there is no snapshot {names[0] if names else ''!r}", exit=Exit.USAGE)
    return int(Exit.OK)


def reset(context: Context, force: Force = False) -> int:
    """Delete all data and snapshots of this instance and start with none."""
    sure("All data and snapshots of this instance will be deleted.", force)
    with hold(context.instance.dev / "lock", say=render.say), Board([]) as board:
        failed = snapshots.reset(context.platform, board.event)
    for problem in failed.values():
        render.error(problem)
    return int(Exit.NOT_CONVERGED if failed else Exit.OK)


def copy(
    context: Context,
    source: Annotated[
        str | None, Option("--from", help="Where the data are: docker or native.", metavar="PLACEMENT")
    ] = None,
    target: Annotated[str | None, Option("--to", help="Where to move them.", metavar="PLACEMENT")] = None,
) -> int:
    """Move all data from one placement to the other, counted on both sides."""
    if {source, target} != {"docker", "native"}:
        raise DevError(
            "usage", "two different placements are needed", hint="./dev data copy --from native --to docker",
            exit=Exit.USAGE,
        )  # fmt: skip
    began = time.monotonic()
    with hold(context.instance.dev / "lock", say=render.say), Board([]) as board:
        dumps = transfer.copy(context.platform, source, target, board.event)  # type: ignore[arg-type]
    for name, dump in dumps.items():
        render.say(f"{name} is in placement {target} now ({time.monotonic() - began:.1f} s)", "green")
        render.say(f"a dump is kept: {dump}")
    return int(Exit.OK)


def sure(what: str, force: bool) -> None:
    """Ask before something that cannot be undone; without a terminal only --force confirms."""
    if force:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise DevError(
            "consent-destructive", what, because="it cannot be undone, and there is no terminal for a confirmation",
            hint="use --force to confirm", exit=Exit.NEEDS_HUMAN,
        )  # fmt: skip
    if not render.ask(f"{what} Continue?"):
        raise KeyboardInterrupt


def _one(names: list[str] | None) -> str:
    if not names or len(names) != 1:
        raise DevError("usage", "one name is needed", hint="./dev data snapshot before-the-demo", exit=Exit.USAGE)
    return names[0]


COMMANDS = {
    "snapshot": snapshot,
    "restore": restore,
    "list": list_snapshots,
    "delete": delete,
    "reset": reset,
    "copy": copy,
}
