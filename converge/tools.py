"""Where the pinned tools are: in the per-user store, a version manager's copy of that version, or on PATH."""

from __future__ import annotations

import hashlib
import operator
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import facts.compose
import facts.tools
import facts.unpacked
from converge import kinds
from converge.desired import Desired, Docker, Loaded
from converge.instance import store
from converge.pins import managers
from facts import regular, surroundings

COMPLETE = ".complete"
"""Marker inside a tool's directory: it was unpacked whole. Its text names the provider."""
SUBSTITUTED = {
    "air": "./dev itself rebuilds and restarts Go services",
    "docker-compose": "components that do not need Docker run without it",
}
"""Tools that a start does not need, and what replaces them."""
DEBUGGERS = ("delve", "debugpy")
"""Tools that only `./dev debug` uses: it installs them, and no service has them on its PATH."""
OWN = ("postgres", "pubsub-emulator", "docker-compose", *DEBUGGERS)
"""Tools of which no version manager has the copy that is wanted."""
PROGRAMS = {"python": "python3", "delve": "dlv", "rust": "rustc"}
"""Tool -> its program, where that has another name."""
POSTGRES = "18"
"""Major version of the embedded Postgres."""
COMPOSE = "2"
"""Major version of Compose."""
EMULATOR = Path(__file__).resolve().parent.parent / "compose" / "pubsub"
"""Source of our Pub/Sub emulator, in the tool's own checkout."""


def wanted(desired: Desired) -> dict[str, str]:
    """Every pinned tool, and those that infrastructure needs, embedded or in Docker."""
    tools = dict(desired.tools)
    embedded = {name: infra for name, infra in desired.infra.items() if infra.placement == "native" or infra.fallback}
    for name, infra in embedded.items():
        tool = kinds.INFRA[kinds.of_infra(name, infra.kind, infra.run)].tool
        if tool and infra.placement != "docker":
            tools.setdefault(tool, EMBEDDED[tool]())
    if desired.docker and desired.docker.engine != "off":
        tools.setdefault("docker-compose", COMPOSE)
    return tools


def emulator_version() -> str:
    """Twelve hex digits of the emulator's source."""
    digest = hashlib.sha256()
    for path in sorted(EMULATOR.glob("*")):
        if path.suffix in (".go", ".mod", ".sum") and not path.name.endswith("_test.go"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


EMBEDDED: dict[str, Callable[[], str]] = {"postgres": lambda: POSTGRES, "pubsub-emulator": emulator_version}
"""Tool that infrastructure brings along -> the version of it."""


def home(tool: str, version: str) -> Path:
    """Directory of one version of a tool; its commands are in `bin/`."""
    return store() / "tools" / tool / version


def path_entries(loaded: Loaded) -> tuple[str, ...]:
    """Directories with the programs of all pinned tools; one that was accepted on PATH needs none."""
    return tuple(str(bin_directory) for bin_directory in _bins(loaded))


def _bins(loaded: Loaded) -> Iterator[Path]:
    for tool, version in wanted(loaded.desired).items():
        place = home(tool, version)
        if tool not in ("postgres", "docker-compose", *DEBUGGERS) and _whole(place):
            yield place / "bin"
        elif found := managed(tool, version):
            yield found[1].parent


def executable(loaded: Loaded, tool: str) -> Path | None:
    """The command of a pinned tool: from the store, else a version manager's, else from PATH; None if none has it."""
    version = wanted(loaded.desired).get(tool)
    if version:
        place = home(tool, version)
        if _whole(place):
            return place / "bin" / program(tool)
        if copy := managed(tool, version):
            return copy[1]
    found = on_path(tool, version)
    return Path(found) if found else None


def _whole(place: Path) -> bool:
    """Whether the tool was unpacked there, and no other user can change it; `installed` looks at its files too."""
    return os.path.isfile(place / COMPLETE) and not facts.unpacked.foreign(place)


def program(tool: str) -> str:
    """The name of the tool's program."""
    return PROGRAMS.get(tool, tool)


def library(loaded: Loaded, tool: str) -> Path | None:
    """The directory for PYTHONPATH of a pinned tool that is a Python package; None if the store does not have it."""
    version = wanted(loaded.desired).get(tool)
    return home(tool, version) / "lib" if version and installed(loaded.desired, tool, version) else None


def compose(loaded: Loaded) -> Path | None:
    """The Compose to run: the plugin that `docker` finds if its version is as wanted, else the store's."""
    found = facts.compose.look(versions())
    if found.version and satisfies(found.version, compose_want(loaded.desired)):
        return Path(found.path)
    return stored_compose(loaded.desired)


def compose_want(desired: Desired) -> str:
    """The comparison that Compose's version must satisfy."""
    return desired.docker.compose if desired.docker else Docker().compose


def stored_compose(desired: Desired) -> Path | None:
    """The store's Compose, if it is there and its version is as wanted."""
    found = installed(desired, "docker-compose", COMPOSE)
    return home("docker-compose", COMPOSE) / "bin" / "docker-compose" if found else None


def installed(desired: Desired, tool: str, version: str) -> bool:
    """Whether the store has the tool whole, and in a version that is accepted; its marker ends with that version."""
    if facts.unpacked.damage(home(tool, version), program(tool)):
        return False
    try:
        marker = regular.text(home(tool, version) / COMPLETE)
    except (OSError, ValueError):
        return False
    return accepts(desired, tool, marker.split()[-1] if marker.split() else "")


def stored_version(desired: Desired, found: facts.tools.Tool) -> str:
    """Version of what was found in the store, if it is accepted; else empty."""
    version = (found.provider.split() or [""])[-1]
    return version if version and accepts(desired, "docker-compose", version) else ""


def accepts(desired: Desired, tool: str, version: str) -> bool:
    """Whether this very version will do, where the pin leaves a choice."""
    return tool != "docker-compose" or satisfies(version, compose_want(desired))


def versions() -> facts.tools.Versions:
    """What programs that belong to no checkout said of themselves."""
    return facts.tools.Versions(store() / "versions.json")


def managed(tool: str, version: str) -> tuple[str, Path] | None:
    """Version and program of a version manager's copy that satisfies the pin: the newest; None without any."""
    if tool in OWN:
        return None
    found = [copy for copy in managers.copies(tool, program(tool)) if matches(copy[0], version)]
    return max(found, key=lambda copy: _numbers(copy[0]), default=None)


def on_path(tool: str, version: str | None = None) -> str | None:
    """The tool's command on PATH; Python's may carry its version in its name."""
    if tool == "python" and version and (found := surroundings.program(f"python{version}")):
        return found
    return surroundings.program(program(tool))


def matches(found: str, pin: str) -> bool:
    """Whether a version satisfies a pin: the same, or with more parts."""
    return found == pin or found.startswith(pin + ".")


OPERATORS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


def satisfies(found: str, want: str) -> bool:
    """Whether a version is what a comparison (`">=20.10"`) asks for; `==` compares only the parts it names."""
    sign, version = re.fullmatch(r"\s*(>=|<=|==|>|<)\s*([\d.]+)\s*", want).groups()  # type: ignore[union-attr]
    mine, theirs = _numbers(found), _numbers(version)
    size = len(theirs) if sign == "==" else max(len(mine), len(theirs))
    return OPERATORS[sign]((*mine, *[0] * size)[:size], (*theirs, *[0] * size)[:size])


def _numbers(version: str) -> tuple[int, ...]:
    """`20.10.24+dfsg1` is 20, 10, 24."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()
