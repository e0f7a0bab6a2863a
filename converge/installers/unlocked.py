"""Services without a lock file that cannot run without packages: those are named before they are started."""

from __future__ import annotations

import json
import os
from pathlib import Path

from converge.desired import Service
from converge.installers.choice import Choice, text
from facts.value import dataclass

WAYS = {
    "python": "uv lock, or uv pip compile --generate-hashes pyproject.toml -o requirements.lock",
    "node": "npm install --package-lock-only, or the same of the package manager that you use",
}
"""Family -> how a person writes a lock file."""


@dataclass(frozen=True)
class Unlocked:
    """Why it cannot run, and what a person can do."""

    because: str
    hint: str


def of(checkout: Path, service: Service, choice: Choice) -> Unlocked | None:
    """None where there is a lock file, where it may do without, or where packages were installed by hand."""
    if choice.lock.exists():
        return None
    if service.lock or (service.install and choice.row.family in WAYS):  # others do without where nothing is needed
        shown = os.path.relpath(choice.lock, checkout)
        key = "lock" if service.lock else "install"
        return Unlocked(f"its entry has `{key}`, and there is no {shown}", f"{choice.row.write}, or change `{key}`")
    hint = f"write one and commit it: {WAYS.get(choice.row.family, '')}"
    if choice.row.family == "python" and service.kind == "python" and not service.dev:
        return Unlocked("uvicorn and what it serves are run from packages of a lock file", hint)
    if choice.row.family == "node" and _named(checkout / service.path) and not _by_hand(checkout, service):
        return Unlocked("its package.json names packages, and none is installed", hint)
    return None


def _named(directory: Path) -> bool:
    """Whether a package.json names packages; one that npm could not read either names none."""
    try:
        manifest = json.loads(text(directory / "package.json"))
        return any(manifest.get(key) for key in ("dependencies", "devDependencies"))
    except (ValueError, RecursionError, AttributeError):
        return False


def _by_hand(checkout: Path, service: Service) -> bool:
    directory = Path(os.path.normpath(checkout / service.path))
    places = (directory, *(each for each in directory.parents if each == checkout or checkout in each.parents))
    return any((place / name).exists() for place in places for name in ("node_modules", ".pnp.cjs"))
