"""Where the pinned tools lie: one directory per version in the per-user store, reached by PATH and nothing else."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from converge.desired import Desired, Loaded
from converge.instance import store

COMPLETE = ".complete"
"""Marker inside a tool's directory: it was unpacked whole. Its text names the provider."""
SUBSTITUTED = {"air": "./dev itself rebuilds and restarts Go services"}
"""Tools that a start can do without, and what stands in for them."""
POSTGRES = "18"
"""Major version of the embedded Postgres."""
EMULATOR = Path(__file__).resolve().parent.parent / "compose" / "pubsub"
"""Source of our Pub/Sub emulator, in the tool's own checkout."""


def wanted(desired: Desired) -> dict[str, str]:
    """Every pinned tool, and those that embedded infrastructure needs."""
    tools = dict(desired.tools)
    kinds = {infra.kind or name for name, infra in desired.infra.items()}
    if "postgres" in kinds:
        tools.setdefault("postgres", POSTGRES)
    if "pubsub" in kinds:
        tools.setdefault("pubsub-emulator", emulator_version())
    return tools


def emulator_version() -> str:
    """Twelve hex digits of the emulator's source."""
    digest = hashlib.sha256()
    for path in sorted(EMULATOR.glob("*")):
        if path.suffix in (".go", ".mod", ".sum") and not path.name.endswith("_test.go"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def home(tool: str, version: str) -> Path:
    """Directory of one version of a tool; its commands lie in `bin/`."""
    return store() / "tools" / tool / version


def path_entries(loaded: Loaded) -> tuple[str, ...]:
    """`bin` directories of all pinned tools in the store; one that was accepted on PATH needs none."""
    return tuple(str(bin_directory) for bin_directory in _bins(loaded))


def _bins(loaded: Loaded) -> Iterator[Path]:
    for tool, version in wanted(loaded.desired).items():
        place = home(tool, version)
        if tool != "postgres" and (place / COMPLETE).exists():
            yield place / "bin"


def executable(loaded: Loaded, tool: str) -> Path | None:
    """The command of a pinned tool: from the store, else from PATH; None if neither has it."""
    version = wanted(loaded.desired).get(tool)
    if version:
        place = home(tool, version)
        if (place / COMPLETE).exists():
            return place / "bin" / ("python3" if tool == "python" else tool)
    found = on_path(tool, version)
    return Path(found) if found else None


def on_path(tool: str, version: str | None = None) -> str | None:
    """The tool's command on PATH; Python's may carry its version in its name."""
    if tool == "python" and version and (found := shutil.which(f"python{version}")):
        return found
    return shutil.which("python3" if tool == "python" else tool)


def matches(found: str, pin: str) -> bool:
    """Whether a version satisfies a pin: the same, or with more parts."""
    return found == pin or found.startswith(pin + ".")
