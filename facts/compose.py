"""Compose as `docker` would find it: the plugin's path, and the version it says it has."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from facts import surroundings
from facts.probe import LocalProbe
from facts.tools import Versions
from facts.value import dataclass

PLACES = ("/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker")
"""Where Docker's client looks for plugins after the user's own places (docker/cli, cli-plugins/manager)."""
NAME = "docker-compose"


@dataclass(frozen=True)
class Plugin:
    """Both empty without one; the version is empty where the program does not say it."""

    path: str = ""
    version: str = ""


def probe(versions: Versions) -> LocalProbe:
    """`docker.plugin`: asked only when the file is another one than last time."""
    return LocalProbe("docker.plugin", lambda: look(versions))


def look(versions: Versions, env: Mapping[str, str] = os.environ) -> Plugin:
    """The first plugin in the client's own order, else a `docker-compose` on PATH."""
    for path in _candidates(env):
        if os.access(path, os.X_OK) and path.is_file():
            if (known := versions.known(str(path))) is None and (known := _asked(path)):
                versions.keep(str(path), known)
            return Plugin(str(path), known or "")
    return Plugin()


def own_directory(env: Mapping[str, str] = os.environ) -> Path:
    """Where Docker's client keeps what is this user's."""
    return Path(env.get("DOCKER_CONFIG") or Path(surroundings.home(env) or "/", ".docker"))


def _candidates(env: Mapping[str, str]) -> Iterator[Path]:
    own = own_directory(env)
    extra: list[str] = []
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        extra = [str(place) for place in json.loads((own / "config.json").read_bytes()).get("cliPluginsExtraDirs", ())]
    yield from (Path(place) / NAME for place in extra)
    yield own / "cli-plugins" / NAME
    yield from (Path(place) / "cli-plugins" / NAME for place in PLACES)
    if found := surroundings.program(NAME, env):
        yield Path(found)


def _asked(path: Path) -> str:
    try:
        said = subprocess.run(
            [path, "version", "--short"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10,
            env=surroundings.own(),
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+(?:\.\d+)+", said)
    return found.group() if found else ""
