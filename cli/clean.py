"""`./dev clean`: take away what the tool made."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated, Any

from cli import render
from cli.context import Context
from cli.data import sure
from cli.option import Option
from converge import own_files, schema
from converge.errors import DevError, Exit
from converge.instance import Instance, is_name
from converge.instance import store as store_of_user
from converge.lock import hold
from converge.operations import dependencies
from runtime import services
from runtime.docker import built, containers
from runtime.editors import removal
from runtime.platform import Platform
from runtime.stop import stop

SHOWN = 4
"""Images that are named."""


def run(
    context: Context,
    store: Annotated[
        bool, Option("--store", help="Also the per-user store of tools, which other checkouts use.")
    ] = False,
    images: Annotated[
        bool, Option("--images", help="Also the images built for services, which other checkouts of the project use.")
    ] = False,
    force: Annotated[bool, Option("--force", help="Do not ask.")] = False,
) -> int:
    """Stop everything and remove what the tool made here.

    That is its environment, data, logs, dependencies and generated secrets of this checkout, its containers and
    volumes, and its entries in the files of IDEs; with --instance only what that instance has. What a person wrote or
    edited stays, and is named.
    """

    dev, name = context.instance.dev, context.instance.name
    instances = [context.instance, *([] if name else _others(context))]
    places = _places(context, instances, store)
    tags = built.images(context.platform)
    if not places and not (images and tags):
        _take_back(context)
        if not context.instance.name:
            _removed(dev)
        render.say("there is nothing to remove")
        return int(Exit.OK)
    for place in (*places, *(tags if images else ())):
        render.say(f"  {place}")
    what = f"the data of instance {name}" if name else "data, generated secrets and your entries in .dev/values"
    sure(f"All of this will be deleted, including {what}.", force)
    with hold(dev / "lock", say=render.say):
        for instance in instances:
            _end(Platform(context.loaded, instance))
        _take_back(context)
        gone, tags = built.remove(context.platform) if images else ([], tags)
        problems = [problem for place in places for problem in _removed(place)]
    schema.forget(context.checkout)
    if problems:
        problem, path = problems[0]
        raise own_files.refused(f"could not remove {path}", problem, path)
    return _told(gone, tags, images)


def _told(gone: list[str], tags: list[str], images: bool) -> int:
    """Say what is removed, and what stays."""
    render.say(f"removed{f', with {len(gone)} images' if gone else ''}", "green")
    if tags:
        hint = "a container uses them" if images else "other checkouts may use them; ./dev clean --images removes them"
        render.say(f"stays: images {', '.join(tags[:SHOWN])}{' …' if len(tags) > SHOWN else ''} ({hint})")
    return int(Exit.OK)


def _take_back(context: Context) -> None:
    """Take the entries of ./dev out of the files of IDEs, and say what stays of them."""
    done = removal.remove(context.platform)
    if done.files:
        render.say(f"entries of ./dev removed from {', '.join(done.files)}")
    for clause in done.stays:
        render.say(f"stays: {clause}", "yellow")


def _removed(place: Path) -> list[tuple[OSError, Path]]:
    """Remove what is there; gives what could not be removed, and why."""
    problems: list[tuple[OSError, Path]] = []

    def note(_: object, path: str, info: tuple[Any, Any, Any]) -> None:
        if not isinstance(info[1], FileNotFoundError):  # another process removed it
            problems.append((info[1], Path(path)))

    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, onerror=note)
        return problems
    try:
        place.unlink(missing_ok=True)
    except OSError as problem:
        problems.append((problem, place))
    return problems


def _places(context: Context, instances: list[Instance], store: bool) -> list[Path]:
    """What is there of all that will be removed."""
    places, mine = [instance.data for instance in instances], context.instance
    places += [mine.state] if mine.name else [*_of_services(context), *_kept(mine.dev)]
    if store:
        places.append(store_of_user())
    return [place for place in dict.fromkeys(places) if place.exists()]


def _kept(dev: Path) -> list[Path]:
    """`.dev` of the checkout, unless it only has what each command makes before it begins."""
    try:
        return [dev] if set(os.listdir(dev)) - {".gitignore"} else []
    except OSError:
        return [dev]


def _others(context: Context) -> list[Instance]:
    """The instances of the checkout that have a name."""
    directory = context.instance.dev / "instances"
    entries = directory.iterdir() if directory.is_dir() else ()
    names = {entry.name for entry in entries if is_name(entry.name) and entry.is_dir()}
    return [Context(context.checkout, name).instance for name in sorted(names - {"default"})]


def _end(platform: Platform) -> None:
    """Stop all that runs, and take its containers and volumes away; what an engine that is gone has is left there."""

    try:
        stop(platform, None)
        containers.clear(platform.instance)
    except DevError as problem:
        if problem.code != "engine-lost":
            raise
        render.say(f"{problem.because}; {containers.trace(platform.instance)} may be left on it", "yellow")


def _of_services(context: Context) -> list[Path]:
    """What the tools of its kind left in the directory of a service, where we installed something."""

    found: list[Path] = []
    for name, component in context.platform.services.items():
        if dependencies.stamp(context.instance, name).exists():
            found += services.kind(component).leftovers(component)
    return found
