"""Files that a killed process left half written: found by the one form of their names, deleted under the lock."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from converge import atomic
from facts import processes

NAME = re.compile(r"\..+\.(\d+)\.\d+\.new")
"""Of `atomic.temporary`; the first number is the process."""
OLD = re.compile(r"\..+\.[a-z0-9_]{8}\.new")
"""Of earlier versions, which named no process; a person's own file may have such a name, so only below `.dev`."""
LONGEST = 600
"""Seconds after which a file belongs to nobody that still writes, although its number is a living process'."""
DEEPEST = 5
UNREAD = frozenset({"venv", "venvs", "venv-test", "cache", "bytecode", "data", "node_modules", "build", "services"})
"""Directories of `.dev` in which others than ./dev write."""


def left(top: Path, more: Iterable[Path] = ()) -> list[str]:
    """Paths of those below `.dev`, and of those that were to become one of the files `more`.

    A directory of `more` that is reached through a link is not looked at, as it may be outside of the checkout.
    """
    found = [path for path in _below(str(top), 0) if _fits(path, OLD) or _fits(path, NAME)]
    for directory, names in _by_directory(more).items():
        of = re.compile(rf"\.(?:{'|'.join(map(re.escape, names))})\.(\d+)\.\d+\.new")
        found += [entry.path for entry in _entries(directory) if _fits(entry.path, of)]
    if not found:
        return []
    among = processes.table()
    return sorted(path for path in found if _is_left(path, among))


def _by_directory(files: Iterable[Path]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in files:
        found.setdefault(str(each.parent), []).append(atomic.shortened(each.name))
    return {directory: names for directory, names in found.items() if os.path.realpath(directory) == directory}


def _below(directory: str, depth: int) -> Iterator[str]:
    for entry in _entries(directory):
        if not entry.is_dir(follow_symlinks=False):
            yield entry.path
        elif depth < DEEPEST and entry.name not in UNREAD:
            yield from _below(entry.path, depth + 1)


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def _fits(path: str, names: re.Pattern[str]) -> bool:
    name = os.path.basename(path)
    return name.endswith(".new") and names.fullmatch(name) is not None


def _is_left(path: str, among: processes.Table) -> bool:
    by = NAME.fullmatch(os.path.basename(path))
    try:
        about = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISREG(about.st_mode):
        return False
    lives = bool(by and len(by[1]) < 10 and among.get(int(by[1])))
    return not lives or about.st_mtime < time.time() - LONGEST
