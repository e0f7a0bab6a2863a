"""The images that ./dev built for the services of a project: listed, and removed when a person asks for it."""

from __future__ import annotations

import re

from facts import docker as engines
from facts.engine import Engine, EngineError
from runtime.placements import docker
from runtime.platform import Platform
from runtime.routes import gateway


def images(platform: Platform) -> list[str]:
    """Their tags on the engine of this instance, else on that of this shell; empty without an engine that answers.

    Other checkouts of the project use the same images.
    """
    used = _engine(platform)
    try:
        return _tags(used, platform) if used else []
    except EngineError:
        return []


def remove(platform: Platform) -> tuple[list[str], list[str]]:
    """Remove them; gives the removed ones, and those that a container still uses."""
    gone: list[str] = []
    kept: list[str] = []
    if used := _engine(platform):
        for tag in images(platform):
            try:
                used.delete(f"/images/{tag}", 60)
                gone.append(tag)
            except EngineError:
                kept.append(tag)
    return gone, kept


def _engine(platform: Platform) -> Engine | None:
    if used := docker.engine(platform.instance):
        return used
    seen = engines.look()
    return Engine(seen.host) if seen.state == "ready" else None


def _tags(used: Engine, platform: Platform) -> list[str]:
    names = "|".join(map(re.escape, [*platform.components, gateway.NAME]))
    ours = re.compile(rf"{re.escape(platform.instance.project)}-(?:{names}):[0-9a-f]{{12}}")
    rows = used.get("/images/json")
    return sorted(tag for row in rows for tag in row.get("RepoTags") or () if ours.fullmatch(tag))
