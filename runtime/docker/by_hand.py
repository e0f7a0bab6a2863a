"""Compose as a person runs it by `./dev compose`: with the project, files, images and environment of the instance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from converge import atomic, kinds, tools
from facts.value import replace
from runtime.docker import compose, containers, images
from runtime.docker.compose import Project
from runtime.placements import choice, docker
from runtime.platform import Platform
from runtime.routes import gateway

TERMINAL = ("TERM", "COLORTERM", "NO_COLOR", "COLUMNS", "LINES", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSH_AUTH_SOCK")
"""Variables of the caller that say how Compose shows something; no others can change what it does."""
CHOSEN = ("BUILDKIT_PROGRESS", "COMPOSE_ANSI", "COMPOSE_PROFILES", "COMPOSE_PROGRESS", "COMPOSE_STATUS_STDOUT")
"""Settings of Compose that a person may choose; those that would select other files or another project are not kept."""

UNDECLARED = "not-declared"
"""Profile of what the file of ./dev has and desired_state.toml does not declare."""
MAKERS = frozenset(("config", "convert", "create", "restart", "run", "scale", "start", "up", "watch"))
"""Commands of Compose that read the environment and secrets of containers."""


def call(platform: Platform, words: Sequence[str], given: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of Compose with these words; `given` is the caller's environment.

    DevError `docker-unavailable` without an engine or Compose; `engine-changed` if another engine has the containers.
    """
    found = choice.project_of(platform)
    if isinstance(found, str):
        raise choice.unavailable(platform, "Compose cannot be run", found)
    docker.remember(platform.instance, found.engine)
    project = replace(found, routed=_routed(found))
    for component in platform.components.values() if makes(words) else ():
        if project.entry(component):
            containers.write_environment(project, component)
    env = project.environment(compose.values(project, _images(project)) | images.settings())
    env["COMPOSE_PROFILES"] = ",".join(_profiles(project))
    env.pop("BUILDKIT_PROGRESS", None)
    chosen = replace(project, last=_left_out(project))
    return chosen.command(words), env | {name: given[name] for name in (*TERMINAL, *CHOSEN) if name in given}


def makes(words: Sequence[str]) -> bool:
    """Whether it may make or show containers with their environment, whose files are then written first.

    A word of an option may be taken for the command: then the files are written without need.
    """
    return not MAKERS.isdisjoint(words)


def _left_out(project: Project) -> tuple[Path, ...]:
    """A file that gives a profile to what the file of ./dev has and is not declared: `up` without names leaves it out.

    The services of a checkout's own file are the user's choice.
    """
    if project.files[0].parent != tools.EMULATOR.parent:
        return ()
    declared = {compose.key(component) for component in project.platform.components.values()}
    wanted = {name for name, entry in project.entries.items() if not entry.profiles}  # in every `up`
    own = sorted((wanted & kinds.INFRA.keys()) - declared)
    if not own:
        return ()
    path = project.instance.engine_record.with_name("undeclared.json")
    atomic.write(path, json.dumps({"services": {name: {"profiles": [UNDECLARED]} for name in own}}))
    return (path,)


def _routed(project: Project) -> bool:
    """Whether the instance has a gateway now."""
    service = f"com.docker.compose.service={gateway.NAME}"
    return project.instance.routes_file.exists() and bool(docker.containers(project.instance, (service,)))


def _images(project: Project) -> dict[str, str]:
    """Component -> the image that a start would use for it."""
    declared = project.platform.components.items()
    found = {name: images.reference(project, component) for name, component in declared if project.entry(component)}
    if project.routed:
        wanted, built = gateway.candidates(project)
        found[gateway.NAME] = built if images.known(project.engine, built) else wanted
    return found


def _profiles(project: Project) -> list[str]:
    """The profiles in which the declared components are."""
    entries = [project.entry(component) for component in project.platform.components.values()]
    return sorted({profile for entry in entries if entry for profile in entry.profiles})
