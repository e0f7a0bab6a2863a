"""Files that a killed process left half written: found by the one form of their names, deleted under the lock."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from facts import processes

NAME = re.compile(r"\..+\.(\d+)\.\d+\.new")
"""Of `atomic.temporary`; the first number is the process."""
OLD = re.compile(r"\..+\.[a-z0-9_]{8}\.new")
"""Of earlier versions, which named no process."""
LONGEST = 600
"""Seconds after which a file belongs to nobody that still writes, although its number is a living process'."""
DEEPEST = 5
UNREAD = frozenset({"venv", "venvs", "venv-test", "cache", "bytecode", "data", "node_modules", "build", "services"})
"""Directories of `.dev` in which others than ./dev write."""


def left(top: Path, more: Iterable[Path] = ()) -> list[str]:
    """Paths of those below `.dev`, and directly in other directories."""
    found = [path for path in _below(str(top), 0) if _is_left(path)]
    for directory in {str(each) for each in more}:
        found += [entry.path for entry in _entries(directory) if _is_left(entry.path)]
    return sorted(found)


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


def _is_left(path: str) -> bool:
    name = os.path.basename(path)
    if not name.endswith(".new"):
        return False
    by, old = NAME.fullmatch(name), OLD.fullmatch(name)
    try:
        about = os.lstat(path)
    except OSError:
        return False
    if not (by or old) or not stat.S_ISREG(about.st_mode):
        return False
    lives = bool(by and len(by[1]) < 10 and processes.read(int(by[1])))
    return not lives or about.st_mtime < time.time() - LONGEST
