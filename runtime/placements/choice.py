"""Choose the placement of each component: by command, by the place of its data, by where it runs, by the engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from converge import atomic, data_engine, own_files
from converge.errors import DevError, Exit
from facts import docker as engines
from facts.engine import Engine, EngineError
from facts.value import dataclass, field, replace
from runtime import infra, placements
from runtime.component import Component, InfraComponent
from runtime.docker import compose, images, refusals, rendered
from runtime.docker.compose import Project
from runtime.handoff import record
from runtime.placements import docker, named_ports
from runtime.platform import Platform
from runtime.routes import gateway
from runtime.services import debugging

Name = Literal["docker", "native"]
Place = Literal["docker", "native", "ide"]
Tell = Callable[[str, str], None]
"""Called with a component's name and a progress message."""
_NEEDED_IN_DOCKER = "services that need it run in Docker"


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; None: as the desired state says."""

    services: Name | None = None
    infra: Name | None = None
    stay: Mapping[str, str] = field(default_factory=dict)
    """Service -> placement that it keeps; has priority over all other settings."""
    again: frozenset[str] = frozenset()
    """Components that are stopped first, although nothing about them changed."""
    debug: frozenset[str] = frozenset()
    """Services that are run under their debugger. A service that is under one and not in `again` stays so."""
    alone: bool = False
    """Only the named components are started, not what they need or use."""
    fix: bool = True
    """False with `--no-fix`: nothing was repaired before the start."""
    moving: str = ""
    """The component whose data are being copied: the place of its data is not recorded meanwhile."""


@dataclass
class Choices:
    """The placement of each component, and the project of those in Docker."""

    placements: dict[str, Place] = field(default_factory=dict)
    project: Project | None = None
    images: dict[str, str] = field(default_factory=dict)
    """Component -> the image its container runs."""


def choose(platform: Platform, wanted: Mapping[str, Component], asked: Asked, tell: Tell) -> Choices:
    """Choose for every wanted component, and get the needed images; a DevError if one can run in no placement."""
    made = Choices()
    found: Project | str | None = None
    wishes = _wishes(wanted, asked)
    _tell_what_stays(wanted, asked, tell)
    for name, component in wanted.items():
        wish, why = wishes[name], _NEEDED_IN_DOCKER if wishes[name] != _wish(component, asked) else ""
        wish = wishes[name] = _kept(component, wish, asked)
        if wish in ("native", "ide"):
            made.placements[name] = "native" if wish == "native" else "ide"
            continue
        found = project_of(platform) if found is None else found
        trouble = _trouble(found, component, made, tell, wish == "auto" and _may_fall_back(platform, component))
        if trouble is None:
            made.placements[name] = "docker"
        elif component.is_service or wish == "docker" or _final(found, component, trouble):
            raise _impossible(platform, component, trouble, why)
        else:
            made.placements[name] = _fall_back(platform, component, trouble, tell, wanted)
    if isinstance(found, Project) and "docker" in made.placements.values():
        made.project = found
        _build(found, wanted, made, tell, frozenset(name for name, wish in wishes.items() if wish == "docker"))
        made.project = _routed(found, wanted, made, tell)
    _reachable(platform, wanted, made)
    return made


def _tell_what_stays(wanted: Mapping[str, Component], asked: Asked, tell: Tell) -> None:
    for name, component in wanted.items():
        if "docker" in (asked.services, asked.stay.get(name)) and (stays := named_ports.stays(component)):
            tell(name, stays)


def elsewhere(platform: Platform, wanted: Mapping[str, Component], asked: Asked) -> dict[str, DevError]:
    """Component -> why it is not started where it is wanted: its data are in the other placement."""
    found = {}
    for name, wish in _wishes(wanted, asked).items():
        data = None if name == asked.moving else place(wanted[name])
        if data and wish not in ("auto", data):
            other = "docker" if data == "native" else "native"
            found[name] = DevError(
                "data-elsewhere", f"{name} cannot run in placement {other}",
                because=f"its data are in placement {data}, and a start in placement {other} would begin without data",
                hint=f"move them: ./dev data copy --from {data} --to {other}; or give them up: ./dev data reset",
                source=platform.source(wanted[name], "placement"),
            )  # fmt: skip
    return found


def _routed(project: Project, wanted: Mapping[str, Component], made: Choices, tell: Tell) -> Project:
    """The project with a gateway before its services, if it has some and its engine can share sockets with the host."""
    containers = [name for name, place in made.placements.items() if place == "docker" and wanted[name].is_service]
    if not containers or not gateway.fits(project.engine):
        return project
    routed = replace(project, routed=True)
    for name in containers:
        _unrouted(routed, wanted[name])
    made.images[gateway.NAME] = gateway.image(routed, partial(tell, gateway.NAME))
    return routed


def place(component: Component) -> Name | None:
    """Placement of the component's data: as recorded, otherwise where data are found; None without data."""
    if component.is_service or not infra.kind(component).keeps_data:
        return None
    try:
        noted = own_files.text(_note(component)).strip()
    except OSError:
        noted = ""
    if noted in ("docker", "native"):
        return "docker" if noted == "docker" else "native"
    if (component.instance.data / component.name).exists():
        return "native"
    used = docker.engine(component.instance) or _answering()
    try:
        return "docker" if used and docker.has_data(component, used) else None
    except EngineError:
        return None


def _answering() -> Engine | None:
    """The engine of this shell: a checkout that was deleted by hand may have left a volume on it."""
    seen = engines.look()
    return Engine(seen.host) if seen.state == "ready" else None


def keep(component: Component, placement: Name) -> None:
    """Record the placement of its data, so that it is known while an engine does not run."""
    atomic.write(_note(component), placement + "\n")


def copying(component: Component) -> Path:
    """A file that exists while its data are copied; it contains the target placement."""
    return _note(component).with_suffix(".copying")


def forget(component: Component) -> None:
    """Delete the record: its data were deleted."""
    _note(component).unlink(missing_ok=True)


def _note(component: Component) -> Path:
    return component.instance.data_note(component.name)


def _wish(component: Component, asked: Asked) -> Place | Literal["auto"]:
    if component.is_service:
        handed_off = record.record(component.instance, component.name)
        if handed_off and component.name not in asked.stay:
            return "docker" if handed_off.state == "FLIPPING_IN" else "ide"
        if component.wants.ports or (component.name not in asked.stay and debugging.under(component)):
            return "native"
        return asked.stay.get(component.name) or asked.services or component.wants.placement  # type: ignore[return-value]
    return asked.infra or component.wants.placement


def _wishes(wanted: Mapping[str, Component], asked: Asked) -> dict[str, Place | Literal["auto"]]:
    """The wanted placement of each; infrastructure follows services in containers, which cannot reach it otherwise."""
    found = {name: _wish(component, asked) for name, component in wanted.items()}
    in_docker = [each for name, each in wanted.items() if each.is_service and found[name] == "docker"]
    called = {name for each in in_docker for name in (*each.wants.needs, *each.uses)}
    for name in called & found.keys():
        if not wanted[name].is_service and found[name] != "native":
            found[name] = "docker"
    return found


def _kept(component: Component, wish: str, asked: Asked) -> Place | Literal["auto"]:
    """The placement of its data; without data, the one in which it runs, unless another is asked for."""
    if component.is_service or component.name == asked.moving:
        return wish  # type: ignore[return-value]
    if data := place(component):
        return data
    if wish == "auto" and placements.lives(component):
        return "docker" if placements.where(component) == "docker" else "native"
    return wish  # type: ignore[return-value]


def project_of(platform: Platform) -> Project | str:
    """The instance's project; DevError `engine-changed` while another engine has its containers or data."""
    instance = platform.instance
    found, before = compose.find(platform), docker.engine(instance)
    if isinstance(found, str) or before is None or before == found.engine:
        return found
    left = [f"the data of {each.name}" for each in platform.infra.values() if place(each) == "docker"]
    try:
        left += [row["Names"][0].lstrip("/") for row in docker.containers(instance)]
    except EngineError:
        pass
    if left:
        raise DevError(
            "engine-changed", f"this instance is on another engine, {before.host}",
            because=f"that engine has {', '.join(left[:4])}; this shell uses {found.engine.host}",
            hint=f"use that engine: export DOCKER_HOST={before.host}; or delete what is on it: ./dev clean",
        )  # fmt: skip
    return found


def _trouble(
    found: Project | str, component: Component, made: Choices, tell: Tell, auto: bool
) -> DevError | str | None:
    """Why it cannot run in Docker; None if it can: its image exists or can be built.

    `auto`: it may run natively instead, so an image that could not be pulled lately is not tried again.
    """
    if isinstance(found, str):
        return found
    entry = found.entry(component)
    if entry is None:
        return DevError(
            "placement-absent", f"{component.name} cannot run in Docker",
            because=f"the Compose files have no service {compose.key(component)}",
            hint=f"add it to compose/{'services' if component.is_service else 'infra'}.yaml; docs/how-to/compose.md",
            exit=Exit.BAD_STATE,
        )  # fmt: skip
    image = images.reference(found, component)
    made.images[component.name] = image
    if entry.context or images.there(found.engine, image):
        return None
    if auto and (problem := refusals.known(found, image)):
        return problem
    try:
        images.pull(found.engine, image, lambda text: tell(component.name, text))
    except DevError as problem:
        refusals.remember(found, image, problem)
        return problem
    return None


def _build(
    project: Project, wanted: Mapping[str, Component], made: Choices, tell: Tell, insisted: frozenset[str]
) -> None:
    """Build missing images; if that fails, an infrastructure component that is not insisted on may run natively."""
    missing = {name: wanted[name] for name in made.placements if _unbuilt(project, wanted[name], made)}
    infrastructure = {name: component for name, component in missing.items() if not component.is_service}
    services = {name: component for name, component in missing.items() if component.is_service}
    if infrastructure:
        _build_or_fall_back(project, infrastructure, made, tell, insisted)
    if services:
        images.build(project, services, made.images, tell)


def _build_or_fall_back(
    project: Project, missing: Mapping[str, InfraComponent], made: Choices, tell: Tell, insisted: frozenset[str]
) -> None:
    free = [name for name in missing.keys() - insisted if _may_fall_back(project.platform, missing[name])]
    refused = {name: refusals.known(project, made.images[name]) for name in free}
    wanted = {name: component for name, component in missing.items() if not refused.get(name)}
    try:
        if wanted:
            images.build(project, wanted, made.images, tell)
    except DevError as problem:
        if insisted & wanted.keys() or not all(component.wants.fallback for component in wanted.values()):
            raise
        for name in wanted:
            refusals.remember(project, made.images[name], problem)
        refused |= dict.fromkeys(wanted, problem)
    for name, why in refused.items():
        if why:
            made.placements[name] = _fall_back(project.platform, missing[name], why, tell)


def _unbuilt(project: Project, component: Component, made: Choices) -> bool:
    """Whether its image must be built and does not exist."""
    entry, name = project.entry(component), component.name
    if made.placements[name] != "docker" or entry is None or not entry.context:
        return False
    return not images.there(project.engine, made.images[name])


def _final(found: Project | str, component: Component, trouble: DevError | str) -> bool:
    """Whether it must not run natively instead: the image was replaced, or the engine has its data."""
    if isinstance(trouble, DevError) and trouble.code == "image-digest":
        return True
    return isinstance(found, Project) and docker.has_data(component, found.engine)


def _may_fall_back(platform: Platform, component: Component) -> bool:
    """Whether it may run natively if its image is not available."""
    if component.is_service or not component.wants.fallback:
        return False
    return not _no_fallback(platform, component)


def _no_fallback(platform: Platform, component: InfraComponent) -> str:
    """Why nothing embedded can replace it, as a clause; empty if something can."""
    own = rendered.container(platform, component)
    return (own.alone if own else "") or infra.kind(component).no_fallback(platform, component)


def _fall_back(
    platform: Platform, component: InfraComponent, trouble: DevError | str, tell: Tell,
    others: Mapping[str, Component] = {},
) -> Name:  # fmt: skip
    """The native placement, if it is allowed instead of the image; prints why in one line."""
    wants, wanted = component.wants, platform.desired.docker
    if not wants.fallback:
        raise _impossible(platform, component, trouble, "its entry does not allow a fallback")
    if refusal := _no_fallback(platform, component):
        alone = {component.name: refusal} | (_alone(platform, others) if isinstance(trouble, str) else {})
        if len(alone) == 1:
            raise _impossible(platform, component, trouble, refusal)
        problem = _impossible(platform, component, trouble, "; ".join(f"{name}: {why}" for name, why in alone.items()))
        problem.what = f"{', '.join(alone)} cannot run without Docker"
        raise problem
    meant = not isinstance(trouble, DevError) or trouble.code != "placement-absent"
    if meant and wanted and wanted.engine != "off":
        because = trouble if isinstance(trouble, str) else f"{trouble.what} ({refusals.words(trouble.because)})"
        tell(component.name, f"{because}; running embedded (--infra docker insists)")
    return "native"


def _alone(platform: Platform, wanted: Mapping[str, Component]) -> dict[str, str]:
    """Which containers of the team's Compose file nothing can replace, and why."""
    there = (each for each in wanted.values() if not each.is_service and rendered.container(platform, each))
    return {each.name: why for each in there if (why := _no_fallback(platform, each))}


def _impossible(platform: Platform, component: Component, trouble: DevError | str, why: str) -> DevError:
    if isinstance(trouble, DevError):
        trouble.source = trouble.source or platform.source(component)
        return trouble
    problem = unavailable(platform, f"{component.name} cannot run in Docker", trouble)
    problem.because = f"{problem.because}; {why}" if why else problem.because
    problem.source = platform.source(component)
    return problem


def unavailable(platform: Platform, what: str, trouble: str) -> DevError:
    """The error `docker-unavailable`, with the words of doctor if an engine has data and cannot be used."""
    wants, home = platform.desired.docker, data_engine.look(platform.instance, platform.infra)
    off = wants is not None and wants.engine == "off"
    words = None if off else data_engine.diagnosis(engines.look(), home)
    because, hint = words or (trouble, "./dev doctor --only docker says what is wrong, ./dev doctor --fix repairs it")
    return DevError("docker-unavailable", what, because=because, hint=hint)


def _unrouted(project: Project, component: Component) -> None:
    """Refuse a container that takes a port or a name which the gateway and the edge assign."""
    entry = project.entry(component)
    if entry and (entry.published or component.name in entry.aliases):
        took = "its port of this machine" if entry.published else f"the name {component.name} in the network"
        raise DevError(
            "compose-route", f"the container of {component.name} takes {took}",
            because="the gateway and the edge assign names and ports to the current owner of each service",
            hint=f"move ports and aliases of {compose.key(component)} to compose/routes.yaml",
            exit=Exit.BAD_STATE,
        )  # fmt: skip


def _reachable(platform: Platform, wanted: Mapping[str, Component], made: Choices) -> None:
    """Refuse a container that needs a native component: it reaches only containers, and services by the gateway."""
    gated = made.project is not None and made.project.routed
    for name, component in wanted.items():
        if made.placements[name] != "docker":
            continue
        named_ports.check(platform, component)
        for other in (*component.wants.needs, *component.uses):
            if made.placements.get(other) == "native" and not (gated and wanted[other].is_service):
                raise DevError(
                    "not-reachable", f"{name} in Docker cannot reach {other}, which runs natively",
                    because="a container does not see what listens on 127.0.0.1 of this machine",
                    hint=f"let both run in the same placement: ./dev start {name} --docker, or without --docker",
                    source=platform.loaded.source(f"services.{name}.placement"), exit=Exit.BAD_STATE,
                )  # fmt: skip


def major(image: str | None) -> str:
    """The major version in an image's tag: `postgres:18.1-alpine` and `pgvector:pg18` have 18; empty for others."""
    _, _, tag = (image or "").partition("@")[0].rpartition("/")[2].partition(":")
    found = re.match(r"(?:pg)?(\d+)", tag)
    return found.group(1) if found else ""
