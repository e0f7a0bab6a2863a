"""`./dev clean`: take away what the tool made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

from cli import render
from cli.context import Context
from cli.data import sure
from cli.option import Option
from converge.errors import DevError, Exit
from runtime.platform import Platform


def run(
    context: Context,
    store: Annotated[
        bool, Option("--store", help="Also the per-user store of tools, which other checkouts use.")
    ] = False,
    force: Annotated[bool, Option("--force", help="Do not ask.")] = False,
) -> int:
    """Stop everything and remove what the tool made here.

    That is its environment, data, logs, dependencies and generated secrets of this checkout; with --instance
    only what that instance has.
    """
    from converge.instance import store as store_of_user
    from converge.lock import hold
    from runtime import boxes
    from runtime.stop import stop

    dev, name = context.instance.dev, context.instance.name
    instances = [context.instance]
    if not name and (dev / "instances").is_dir():
        names = {entry.name for entry in (dev / "instances").iterdir() if entry.is_dir()} - {"default"}
        instances += [Context(context.directory, other).instance for other in sorted(names)]
    places = [instance.data for instance in instances]
    places += [context.instance.state] if name else [*_of_services(context), dev]
    if store:
        places.append(store_of_user())
    places = [place for place in dict.fromkeys(places) if place.exists()]
    if not places:
        render.say("there is nothing to remove")
        return int(Exit.OK)
    for place in places:
        render.say(f"  {place}")
    what = f"the data of instance {name}" if name else "data, generated secrets and your entries in .dev/values"
    sure(f"All of this will be deleted, including {what}.", force)
    with hold(dev / "lock", say=render.say):
        for instance in instances:
            try:
                stop(Platform(context.loaded, instance), None)
                boxes.clear(instance)
            except DevError as problem:
                if problem.code != "engine-lost":
                    raise
                render.say(f"{problem.because}; {boxes.trace(instance)} may be left on it", "yellow")
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
    left = [str(place) for place in places if place.exists()]
    render.say(f"could not remove {', '.join(left)}" if left else "removed", "red" if left else "green")
    return int(Exit.NOT_CONVERGED if left else Exit.OK)


def _of_services(context: Context) -> list[Path]:
    """What the tools of its kind left in the directory of a service, where we installed something."""
    from converge.operations import dependencies
    from runtime import services

    found: list[Path] = []
    for name, component in context.platform.services.items():
        if dependencies.stamp(context.instance, name).exists():
            found += services.kind(component).leftovers(component)
    return found
