"""What an engine keeps that nobody uses: untagged images and build cache, counted only where the disk is short."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facts import docker
from facts.engine import Engine, EngineError
from facts.probe import LocalProbe
from facts.value import Unknown

PATIENCE = 20.0
"""Seconds `/system/df` may take; it measures every layer and volume."""


@dataclass(frozen=True)
class Layers:
    """Bytes free where the engine keeps its data, and bytes that would be free without what nobody uses."""

    root: str
    free: int
    unused: int


def probe(below: float) -> LocalProbe:
    """`docker.layers`: None where more than `below` bytes are free, or no engine answers."""
    return LocalProbe("docker.layers", lambda: look(below))


def look(below: float, engine: Engine | None = None) -> Layers | Unknown | None:
    """One quick question where the data lie; only if there is little room, the slow one."""
    if engine is None:
        seen = docker.look()
        if seen.state != "ready":
            return None
        engine = Engine(seen.host)
    try:
        root = Path(engine.get("/info")["DockerRootDir"])
        while not root.exists() and root != root.parent:  # it may be another machine's, as in Docker Desktop
            root = root.parent
        about = os.statvfs(root)
        free = about.f_bavail * about.f_frsize
        return None if free >= below else Layers(str(root), free, unused(engine.get("/system/df", PATIENCE)))
    except (OSError, EngineError, KeyError, TypeError) as problem:
        return Unknown(f"the engine does not say what it keeps: {problem}")


def unused(told: dict[str, Any]) -> int:
    """Bytes of untagged images without a container, and of build cache that is not in use."""
    images = sum(
        image["Size"] - max(image.get("SharedSize") or 0, 0)
        for image in told.get("Images") or ()
        if not image.get("Containers") and set(image.get("RepoTags") or ["<none>:<none>"]) == {"<none>:<none>"}
    )
    cache = sum(
        entry["Size"] for entry in told.get("BuildCache") or () if not entry.get("InUse") and not entry.get("Shared")
    )
    return int(images + cache)
