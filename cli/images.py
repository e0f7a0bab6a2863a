"""Carry images to machines without a registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cli import render
from cli.board import Board
from cli.context import Context
from cli.option import Argument, Option
from converge.errors import DevError, Exit
from runtime.docker import compose, images
from runtime.routes import gateway

if TYPE_CHECKING:
    from runtime.docker.compose import Project

File = Annotated[list[str] | None, Argument("FILE", help="The archive.")]


def list_images(context: Context, json: Annotated[bool, Option("--json", help="One JSON document.")] = False) -> int:
    """Show each component's image, and whether the engine has it."""

    project = _project(context)
    rows = [
        {"component": name, "image": image, "there": images.known(project.engine, image)}
        for name, image in _images(project).items()
    ]
    if json:
        render.document({"schema": 1, "images": rows})
        return int(Exit.OK)
    for row in rows:
        word = render.style("there   ", "green") if row["there"] else render.style("missing ", "yellow")
        render.out(f"{row['component']:<12} {word} {row['image']}")
    return int(Exit.OK)


def save(context: Context, file: File = None) -> int:
    """Write the images of all components into one archive."""

    target, project = _one(file), _project(context)
    wanted = _images(project)
    missing = [name for name, image in wanted.items() if not images.known(project.engine, image)]
    if missing:
        raise DevError(
            "image-unavailable", f"the engine does not have the images of {', '.join(missing)}",
            hint="./dev start --docker pulls and builds them",
        )  # fmt: skip
    with Board([]) as board:
        rows = images.save(project, wanted.values(), target, lambda text: board.event("images", text, 0))
    for row in rows:
        render.out(f"{row['id'][7:19]}  {row['name']}")
    render.say(
        f"{target}: {target.stat().st_size >> 20} MiB; copy it to the other machine and run ./dev images load", "green"
    )
    return int(Exit.OK)


def load(context: Context, file: File = None) -> int:
    """Bring the images of an archive into the engine, each checked."""

    source, project = _one(file), _project(context)
    if not source.is_file():
        raise DevError("usage", f"{source} is not a file", hint="./dev images save writes one", exit=Exit.USAGE)
    with Board([]) as board:
        rows = images.load(project, source, lambda text: board.event("images", text, 0))
    for row in rows:
        render.out(f"{row['id'][7:19]}  {row['name']}")
    return int(Exit.OK)


def _project(context: Context) -> Project:
    found = compose.find(context.platform)
    if isinstance(found, str):
        raise DevError(
            "docker-unavailable", "images need a Docker engine", because=found, hint="./dev doctor --fix --only docker"
        )
    return found


def _images(project: Project) -> dict[str, str]:
    """Component -> its image, of all that the Compose files know."""

    found = {}
    for name, component in project.platform.components.items():
        if entry := project.entry(component):
            found[name] = (images.reference if entry.context else images.declared)(project, component)
            if component.is_service and gateway.NAME not in found and gateway.fits(project.engine):
                wanted, built = gateway.candidates(project)
                found[gateway.NAME] = built if images.known(project.engine, built) else wanted
    return found


def _one(file: list[str] | None) -> Path:
    if not file or len(file) != 1:
        raise DevError("usage", "one file is needed", hint="./dev images save images.tar", exit=Exit.USAGE)
    return Path(file[0]).absolute()


COMMANDS = {"list": list_images, "save": save, "load": load}
