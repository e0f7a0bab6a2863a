"""Untagged images and unused build cache of an engine, counted only if disk space is low."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from facts import docker
from facts.engine import Engine, EngineError
from facts.probe import LocalProbe
from facts.value import Unknown, dataclass

USAGE_TIMEOUT = 20.0
"""Seconds `/system/df` may take; it measures every layer and volume."""


@dataclass(frozen=True)
class Layers:
    """Bytes free where the engine keeps its data, and bytes that would be free without unused layers."""

    root: str
    free: int
    unused: int


def probe(below: float) -> LocalProbe:
    """`docker.layers`: None where more than `below` bytes are free, or no engine answers."""
    return LocalProbe("docker.layers", lambda: look(below))


def look(below: float, engine: Engine | None = None) -> Layers | Unknown | None:
    """Whether there is room where an engine keeps its data by default, in microseconds; only if not, what it keeps."""
    if engine is None:
        if _free(_data()) >= below or (seen := docker.look()).state != "ready":
            return None
        engine = Engine(seen.host)
    try:
        root = Path(engine.get("/info")["DockerRootDir"])
        free = _free(root)
        return None if free >= below else Layers(str(root), free, unused(engine.get("/system/df", USAGE_TIMEOUT)))
    except (EngineError, OSError, KeyError, TypeError) as problem:
        return Unknown(f"the engine does not list its images and layers: {problem}")


def _data() -> Path:
    """Where the configuration puts the data; an engine may have been started with another directory."""
    try:
        return Path(json.loads(Path("/etc/docker/daemon.json").read_bytes())["data-root"])
    except (OSError, ValueError, KeyError, TypeError):
        return Path("/var/lib/docker")


def _free(place: Path) -> int:
    """Bytes free there, or where it would be made: it may be another machine's path, as in Docker Desktop."""
    while not place.exists() and place != place.parent:
        place = place.parent
    about = os.statvfs(place)
    return about.f_bavail * about.f_frsize


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
