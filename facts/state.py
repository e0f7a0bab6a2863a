"""Parts of the tool's own tree that cannot be used: of another type, without rights, of another user, immutable."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from facts import flags, owners
from facts.probe import LocalProbe
from facts.value import dataclass

Want = Literal["directory", "file"]
KINDS = {
    stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFREG: "a file",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip
PARTS: tuple[tuple[str, Want], ...] = (
    ("", "directory"), ("lock", "file"), (".gitignore", "file"), ("journal", "file"), ("values", "file"),
    ("cache", "directory"), ("env", "directory"), ("services", "directory"), ("instances", "directory"),
    ("instances/*", "directory"), ("instances/*/run", "directory"), ("instances/*/logs", "directory"),
    ("instances/*/placed", "directory"), ("instances/*/private", "directory"), ("instances/*/run/*", "directory"),
    ("instances/*/run/*/spec.json", "file"), ("instances/*/run/*/state.json", "file"),
    ("instances/*/run/*/processes.json", "file"), ("instances/*/logs/*.log", "file"),
)  # fmt: skip
"""Path below `.dev`, with `*` for any name -> what is there; those that are above others come first."""


@dataclass(frozen=True)
class Part:
    """One part that cannot be used."""

    path: str
    """Relative to the top; empty for the top itself."""
    want: Want
    found: str
    """What is in its place, or is wrong with it, as a clause."""
    how: Literal["remove", "mode", ""] = ""
    """How it is repaired without loss; empty where only a person can."""


def probe(name: str, top: Path, is_name: Callable[[str], bool]) -> LocalProbe:
    """`NAME`: the parts below `.dev` that cannot be used; those that do not exist are made when they are needed.

    `is_name` says whether an entry may be an instance or a component.
    """
    return LocalProbe(name, lambda: tuple(_parts(top, is_name)))


def _parts(top: Path, is_name: Callable[[str], bool]) -> Iterator[Part]:
    closed: list[str] = []
    """Directories that cannot be entered: what is below is not looked at."""
    for pattern, want in PARTS:
        for path in _matching(str(top), pattern, is_name):
            relative = "" if path == str(top) else os.path.relpath(path, top)
            if any(relative.startswith(f"{each}/") or not each for each in closed):
                continue
            if part := _look(path, relative, want):
                yield part
                closed += [relative] if want == "directory" else []


def _matching(top: str, pattern: str, is_name: Callable[[str], bool]) -> list[str]:
    """Paths of the pattern; among instances and components there may be files of others, as `.DS_Store`."""
    found = [top]
    for each in pattern.split("/") if pattern else ():
        if "*" in each:
            found = [os.path.join(at, name) for at in found for name in _names(at) if name.endswith(each[1:])]
            if each == "*":
                found = [path for path in found if is_name(os.path.basename(path))]
        else:
            found = [os.path.join(at, each) for at in found]
    return found


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _look(path: str, relative: str, want: Want) -> Part | None:
    try:
        about = os.lstat(path)
        if stat.S_ISLNK(about.st_mode):
            about = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Part(relative, want, "a link that leads nowhere", "remove") if os.path.islink(path) else None
    except OSError as problem:
        how: Literal["remove", ""] = "remove" if os.path.islink(path) else ""
        return Part(relative, want, "a link that leads to itself" if how else str(problem.strerror), how)
    if not (stat.S_ISDIR if want == "directory" else stat.S_ISREG)(about.st_mode):
        found = KINDS.get(stat.S_IFMT(about.st_mode), "of an unknown type")
        return Part(relative, want, found, "remove" if _empty(path, about) else "")
    bits = os.R_OK | os.W_OK | (os.X_OK if want == "directory" else 0)
    return None if os.access(path, bits) else _denied(path, relative, want, about)


def _denied(path: str, relative: str, want: Want, about: os.stat_result) -> Part:
    """Why it cannot be used although its type is right."""
    if flags.immutable(Path(path)):
        return Part(relative, want, "immutable (chattr)")
    if about.st_uid != os.geteuid():
        return Part(relative, want, f"a {want} of {owners.user(about.st_uid)}")
    if about.st_mode & 0o600 == 0o600 and (want == "file" or about.st_mode & 0o100):
        return Part(relative, want, "on a file system that is read-only")
    if os.path.islink(path):  # what it leads to is not ours
        return Part(relative, want, f"a link to a {want} of mode {stat.S_IMODE(about.st_mode):o}")
    return Part(relative, want, f"of mode {stat.S_IMODE(about.st_mode):o}", "mode")


def _empty(path: str, about: os.stat_result) -> bool:
    """Whether nothing is lost with it."""
    if stat.S_ISREG(about.st_mode):
        return not about.st_size
    return not stat.S_ISDIR(about.st_mode) or not (os.access(path, os.R_OK) and os.listdir(path))
