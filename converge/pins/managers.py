"""Copies of a tool that version managers of this user have: mise, asdf, proto, nvm, fnm, pyenv, rustup and others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from facts import owners, surroundings
from facts.value import dataclass

VERSION = r"\d+(?:\.\d+)+"


@dataclass(frozen=True)
class Place:
    """Where a manager has its copies."""

    root: str
    """Its directory, relative to the home directory."""
    variable: str = ""
    """The variable that names another one."""
    copies: str = ""
    """Directory of the copies of all versions; `{tool}` is the tool's name there."""
    name: str = rf"v?({VERSION})"
    """The name of one copy, with its version."""
    programs: str = "bin"
    """The directory of the programs in a copy."""
    names: tuple[tuple[str, str], ...] = ()
    """Tool -> its name there; without any, all tools have their own."""


PLACES = (
    Place(".local/share/mise", "MISE_DATA_DIR", "installs/{tool}"),
    Place(".asdf", "ASDF_DATA_DIR", "installs/{tool}", names=(("node", "nodejs"),)),
    Place(".asdf", "ASDF_DATA_DIR", "installs/{tool}", names=(("python", "python"),)),
    Place(".asdf", "ASDF_DATA_DIR", "installs/{tool}", programs="go/bin", names=(("go", "golang"),)),
    Place(".proto", "PROTO_HOME", "tools/{tool}"),
    Place(".nvm", "NVM_DIR", "versions/node", names=(("node", ""),)),
    Place(".local/share/fnm", "FNM_DIR", "node-versions", programs="installation/bin", names=(("node", ""),)),
    Place(".nodenv", "NODENV_ROOT", "versions", names=(("node", ""),)),
    Place(".volta", "VOLTA_HOME", "tools/image/node", names=(("node", ""),)),
    Place(".pyenv", "PYENV_ROOT", "versions", names=(("python", ""),)),
    Place(".local/share/uv/python", "UV_PYTHON_INSTALL_DIR", name=rf"cpython-({VERSION})-\S+", names=(("python", ""),)),
    Place(".goenv", "GOENV_ROOT", "versions", names=(("go", ""),)),
    Place("sdk", name=rf"go({VERSION})", names=(("go", ""),)),
    Place(".rustup", "RUSTUP_HOME", "toolchains", rf"({VERSION})-\S+", names=(("rust", ""), ("cargo", ""))),
)  # fmt: skip
"""Where managers have their copies, the most general first. Source: the documentation of each."""


def copies(tool: str, program: str) -> Iterator[tuple[str, Path]]:
    """Version and program of each whole copy that no other user can change."""
    home = surroundings.home()
    for place in PLACES:
        names = dict(place.names)
        if names and tool not in names:
            continue
        given = os.environ.get(place.variable, "") if place.variable else ""
        root = given if os.path.isabs(given) else os.path.join(home, place.root)
        directory = os.path.join(root, place.copies.format(tool=names.get(tool, tool)))
        for name in _entries(directory):
            found = re.fullmatch(place.name, name)
            path = Path(directory, name, place.programs, program)
            if found and os.access(path, os.X_OK) and path.is_file() and not owners.problem(path, top=Path(root)):
                yield found.group(1), path


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
