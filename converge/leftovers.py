"""Processes of components that no shim keeps any more: shim and guard were killed, or the state was deleted."""

from __future__ import annotations

import contextlib
import os
import shlex

from converge import ending
from converge.errors import DevError, Exit
from converge.instance import Instance
from converge.trust import user
from facts import locks, processes
from facts.processes import Process, Table

SHOWN = 5
"""Processes that a message names at most."""


def of(instance: Instance, name: str, among: Table | None = None) -> list[Process]:
    """The living processes of a component whose lock nobody holds; empty while a shim keeps them.

    What never had a shim is not left over: an engineer's own process, a migration, a question whether it is ready.
    """
    if locks.held(instance.shim_lock(name)):
        return []
    among = among or processes.table()
    apart = {instance.mark(name) + end for end in (processes.BY_IDE, processes.BY_MIGRATION, processes.BY_READY)}
    run = instance.run(name)
    run = run._replace(keepers=frozenset(), known=run.known | run.keepers)  # a shim without its lock is left over, too
    found = [each for each in processes.members(run, among) if among.mark(each) not in apart]
    return [] if locks.held(instance.shim_lock(name)) else found  # a shim may have started meanwhile


def everywhere(instance: Instance, names: tuple[str, ...]) -> dict[str, list[Process]]:
    """Component -> what is left over of it: of those that are named, and of all that ever ran in this instance."""
    among = processes.table()
    found = {name: of(instance, name, among) for name in dict.fromkeys((*names, *sorted(ran(instance))))}
    return {name: left for name, left in found.items() if left}


def ran(instance: Instance) -> set[str]:
    """All that ever ran in this instance; a file among their directories, as `.DS_Store`, is somebody else's."""
    try:
        with os.scandir(instance.state / "run") as entries:
            return {entry.name for entry in entries if entry.is_dir()}
    except OSError:
        return set()


def sweep(instance: Instance, name: str, grace: float) -> bool:
    """End what is left over of the component; whether there was anything. DevError `still-running` if some lives on.

    What the shim wrote down of it goes with it: numbers in it may be given to other processes one day.
    """
    found = of(instance, name)
    if found and (lives := ending.end(lambda: of(instance, name), grace)):
        raise still_running(name, described(lives))
    forget(instance, name)
    return bool(found)


def forget(instance: Instance, name: str) -> None:
    """Delete what its last shim wrote down of its processes; call it after a look that found none of them."""
    if not locks.held(instance.shim_lock(name)):
        with contextlib.suppress(OSError):
            (instance.run_directory(name) / processes.RECORD).unlink(missing_ok=True)


def described(found: list[Process]) -> str:
    """Each with its number and command."""
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(f"pid {each.pid} `{processes.command(each.pid)}`" for each in found[:SHOWN]) + more


def still_running(name: str, what: str) -> DevError:
    """The error for a component that was asked to end and has not ended."""
    return DevError(
        "still-running", f"{name} could not be stopped", because=f"{what} still runs",
        hint="end it as its user, or as root: kill -KILL PID",
    )  # fmt: skip


def of_another_user(instance: Instance, name: str) -> DevError:
    """The error for a component whose shim this user may not see; the owner of its `state.json` has started it."""
    with contextlib.suppress(OSError):
        owner = user((instance.run_directory(name) / "state.json").lstat().st_uid)
        return _started_by(owner, instance.checkout.stat().st_uid, instance, name)
    return still_running(name, "its shim, which is another user's,")


def _started_by(owner: str, uid: int, instance: Instance, name: str) -> DevError:
    back = f"sudo chown -R {uid} {shlex.quote(str(instance.dev))}"
    return DevError(
        "still-running", f"{name} could not be stopped", because=f"{owner} has started it",
        hint=f"run ./dev stop as {owner}, then give .dev back to the owner of the checkout: {back}",
        exit=Exit.NEEDS_HUMAN,
    )  # fmt: skip
