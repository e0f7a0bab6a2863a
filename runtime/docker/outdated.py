"""The noun `images`: a service in Docker runs the image of its present sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.engine import EngineError
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.value import Unknown
from runtime.component import ServiceComponent
from runtime.docker import sources
from runtime.docker.compose import key
from runtime.platform import Platform

if TYPE_CHECKING:
    from converge.machine import Machine

NOUN = "images"


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """One look at the engine, if a service ever had an image."""
    if not _built(context):
        return []
    return [LocalProbe(NOUN, lambda: _look(context))]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One item for each service that runs in Docker; only a start replaces its container."""
    found = observation.get(NOUN)
    if not isinstance(found, dict):
        return
    for name, changed in found.items():
        key, source = f"{NOUN}.{name}", context.loaded.source(f"services.{name}")
        if changed:
            because, hint = sources.CHANGED.split("; ")
            yield Item(key, NOUN, "manual", "older sources", "present sources", because, hint, source, "image-old")
        else:
            yield Item(key, NOUN, "ok", "present sources", "present sources", source=source)


def apply(step: Step, machine: Machine) -> None:
    """There is no step: a start builds the image and moves the callers."""


def _look(context: ConvergeContext) -> dict[str, bool] | Unknown:
    """Service that runs in Docker -> whether its sources changed since its image."""
    from runtime.placements import docker  # saves 2 ms of a doctor without services in Docker

    try:
        rows = docker.containers(context.instance)
    except EngineError as problem:
        return Unknown(f"its Docker engine does not answer: {problem}")
    images = {row["Labels"]["com.docker.compose.service"]: row["Image"] for row in rows if row["State"] == "running"}
    built = {key(component): component for component in _built(context)}
    return {built[box].name: sources.changed(built[box], images[box]) for box in sorted(images.keys() & built.keys())}


def _built(context: ConvergeContext) -> list[ServiceComponent]:
    services = Platform(context.loaded, context.instance).services
    return [each for name, each in services.items() if sources.note(context.instance, name).exists()]
