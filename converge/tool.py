"""Where the tool itself is: its directory, its version, and the program that starts it.

The directory is a checkout of the tool or the `tool` of an installed package; the target of a command is another
question (`cli/where.py`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from facts import regular

TOOL = Path(__file__).resolve().parent.parent
"""The directory that the rooms `facts`, `converge`, `runtime` and `cli` are in."""
VERSION = "0.2.0"
"""Version of the tool; `pyproject.toml` has the same."""
PACKAGE = "dotslash-dev"
"""Name of the package on an index."""
PIN = "VERSION="
"""How the line of a launcher starts that pins the package; a checkout of the tool has an empty pin."""


def program() -> Path:
    """What starts this tool again: the command of an installed package, else the launcher beside the rooms."""
    installed = Path(sys.prefix) / "bin" / "dev"
    return installed if os.path.lexists(installed) else TOOL / "dev"


def launcher(checkout: Path) -> Path:
    """What an engineer of the checkout calls: its own launcher if it has one, else `program`."""
    own = checkout / "dev"
    return own if pin(own) is not None else program()


def pin(launcher: Path) -> tuple[str, str] | None:
    """Version and sha256 that a launcher pins, empty where it pins none; None if the file is not a launcher of ours."""
    try:
        text = regular.content(launcher).decode("utf-8", "replace")
    except OSError:
        return None
    found = next((line for line in text.splitlines()[:4] if line.startswith(PIN)), None)
    if found is None:
        return None
    values = dict(word.split("=", 1) for word in found.partition("#")[0].split() if "=" in word)
    return values.get("VERSION", ""), values.get("SHA256", "")
