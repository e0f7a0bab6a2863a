"""Whether the programs of a tool in the store are still as they were unpacked."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facts import owners, regular

RECORD = ".programs"
"""File in a tool's directory: path -> size, time of change in seconds and sha256 of a file; target of a link."""
PLACES = ("bin/*", "pkg/tool/*/*")
"""Where programs lie: those on PATH, and those that Go runs by itself. Without any all files count (a library)."""
MOST = 2000
"""Files that are recorded at most."""


def record(home: Path) -> str:
    """The record of what lies there now, which must be whole."""
    return json.dumps({str(path.relative_to(home)): _state(path) for path in _programs(home)}, sort_keys=True)


def damage(home: Path, program: str = "") -> str:
    """What is wrong with the first file that is not as recorded; empty where all are.

    A tool that was unpacked before there were records is judged by its `program`, and by having any.
    """
    if problem := foreign(home):
        return problem
    try:
        known = dict(regular.document(home / RECORD))
    except FileNotFoundError:
        return _without_record(home, program)
    except (OSError, ValueError, TypeError):
        return f"{RECORD} cannot be read"
    return next((f"{name} {problem}" for name, entry in known.items() if (problem := _wrong(home / name, entry))), "")


def foreign(home: Path) -> str:
    """What lets another user change what is in the directory of this version of the tool; empty if nothing does."""
    return owners.problem(home, top=home.parent.parent) or owners.problem(home / RECORD, top=home / RECORD)


def _programs(home: Path) -> Iterator[Path]:
    found = sorted(path for place in PLACES for path in home.glob(place) if not path.is_dir())
    found = found or sorted(path for path in home.rglob("*") if path.is_file() and not path.name.startswith("."))
    yield from found[:MOST]


def _state(path: Path) -> Any:
    if path.is_symlink():
        return os.readlink(path)
    about = path.stat()
    return [about.st_size, int(about.st_mtime), bool(about.st_mode & 0o111), _sha256(path)]


def _wrong(path: Path, known: Any) -> str:
    try:
        about = path.lstat()
        if isinstance(known, str):
            if not stat.S_ISLNK(about.st_mode) or os.readlink(path) != known:
                return "is not the link that was unpacked"
            return "" if path.stat().st_size else "leads to an empty file"
        size, changed, executable, digest = known
        if not stat.S_ISREG(about.st_mode):
            return "is not a regular file"
        if about.st_size != size:
            return f"has {about.st_size} bytes, and {size} were unpacked"
        if why := owners.judge(about):
            return why
        if executable and not about.st_mode & 0o111:
            return "is not executable"
        if int(about.st_mtime) != changed and _sha256(path) != digest:  # a copy of the store has times of its own
            return "has another content than what was unpacked"
    except FileNotFoundError:
        return "is gone"
    except (OSError, ValueError, TypeError) as problem:
        return f"cannot be read ({getattr(problem, 'strerror', None) or problem})"
    return ""


def _without_record(home: Path, program: str) -> str:
    path = home / "bin" / program
    if program and path.exists():
        about = path.stat()
        if why := owners.judge(path.lstat()) or owners.judge(about):
            return f"bin/{program} {why}"
        whole = stat.S_ISREG(about.st_mode) and about.st_size and about.st_mode & 0o111
        return "" if whole else f"bin/{program} is not a program"
    return "" if next(_programs(home), None) else "its programs are gone"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
