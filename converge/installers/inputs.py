"""What a lock file is made of: the other files that decide with it, and the packages in it that may not be built."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from converge.installers.choice import Choice, text

MOST = 200
"""Files that one lock file may take in; one that takes in itself ends earlier."""
TAKEN_IN = re.compile(r"(?m)^\s*(?:-r|-c|--requirement|--constraint)[ =]\s*([^\s#]+)")
USED = re.compile(r"(?m)^\s*(?:use\s+)?\"?(\.{1,2}(?:/[^\s\"]*)?)\"?\s*(?://.*)?$")
PACKAGE = re.compile(r'(?m)^\[\[package\]\]\nname = "([A-Za-z0-9._-]+)"(.*(?:\n(?!\[\[package\]\]).*)*)')
OWN = re.compile(r'(?m)^source = \{ (?:editable|virtual|directory|git|path)|^type = "(?:directory|git|file)"')
"""A package that is in no index: it has no wheel there, and is built from its source, which is the team's own."""


def of(choice: Choice) -> list[Path]:
    """The lock file, and the files that it takes in."""
    if choice.row.outer:
        modules = [choice.root / used for used in USED.findall(text(choice.lock))[:MOST]]
        sums = [module / name for module in modules for name in ("go.mod", "go.sum")]
        return [choice.lock, choice.root / "go.work.sum", *sums]
    if choice.row.name != "pip":
        return [choice.lock]
    found = [choice.lock]
    for path in found:  # it grows
        for taken in TAKEN_IN.findall(text(path)):
            at = Path(os.path.normpath(path.parent / taken))
            if at not in found and len(found) < MOST:
                found.append(at)
    return found


def wheels(choice: Choice, build: Collection[str]) -> list[str]:
    """Names of the packages of an index of which only a wheel may be installed."""
    built = {_normal(name) for name in build}
    packages = PACKAGE.findall(text(choice.lock))
    return [name for name, rest in packages if not OWN.search(rest) and _normal(name) not in built]


def _normal(name: str) -> str:
    """Source: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()
