"""The platform of a checkout whose desired state cannot be read: nothing is declared, all is found by its records."""

from __future__ import annotations

from pathlib import Path

from converge.desired import Desired, Loaded, Project
from converge.instance import Instance
from facts.engine import EngineError
from runtime.placements import docker
from runtime.placements.seen import lost
from runtime.platform import Platform

UNKNOWN = "unknown"
"""What stands for the name of the project where there is no container that says it."""


def platform(checkout: Path, name: str) -> Platform | None:
    """The platform without any declared component; None if the instance has no records, so that nothing of it runs.

    DevError `engine-lost` if it had containers and its engine does not answer.
    """
    instance = Instance(checkout, UNKNOWN, name)
    if not instance.state.is_dir():
        return None
    project = _project(instance)
    desired = Desired(schema=1, project=Project(name=project))
    return Platform(Loaded(desired=desired, lines={}), Instance(checkout, project, name))


def _project(instance: Instance) -> str:
    """The project's name by the labels of its containers, as its id is in no other instance's."""
    used, end = docker.engine(instance), f"-{instance.id}"
    if used is None:
        return UNKNOWN
    try:
        rows = used.get("/containers/json", docker.ENGINE_TIMEOUT, all="1")
    except EngineError as problem:
        raise lost("the containers of this checkout cannot be found", problem) from problem
    projects = [str((row.get("Labels") or {}).get("com.docker.compose.project", "")) for row in rows]
    return next((found.removesuffix(end) for found in projects if found.endswith(end)), UNKNOWN)
