"""A look at a checkout that is not trusted: only plain files are read, and no program of it is found by its name."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from converge import trust
from converge.errors import DevError, Exit
from facts import docker

LARGEST = 64_000_000
"""Bytes of a file; a log is rotated long before."""
LARGEST_TEXT = 4_000_000
"""Bytes of a file that is read as a whole."""
MOST = 50_000
"""Files and directories in `.dev` that are looked at."""
BRACKETS = 200
"""Brackets inside each other in a file that is read as a whole."""
DEEPEST = 12
"""Directories inside each other in `.dev`."""
UNREAD = ("venv", "venvs", "venv-test", "bytecode", "data", "node_modules", "build")
"""Directories in `.dev` of which no command reads a file by looking."""


def check(checkout: Path) -> None:
    """Refuse a checkout with files that cannot be read safely: DevError `unsafe-file`."""
    for name in trust.FILES:
        _check(checkout, checkout / name, link=True)
    _check_own(checkout)
    _check_engines(checkout)


def enter(checkout: Path) -> None:
    """Prepare this process for a look, after `check`."""
    os.environ["PATH"] = path_without(checkout, os.environ.get("PATH", os.defpath))
    os.chdir("/")  # many programs read settings, or run another program, of the directory in which they are started


def path_without(checkout: Path, path: str) -> str:
    """PATH without relative directories, and without those in the checkout."""
    kept = [
        each
        for each in path.split(os.pathsep)
        if os.path.isabs(each)
        and not Path(each).is_relative_to(checkout)
        and not Path(os.path.realpath(each)).is_relative_to(checkout)
    ]
    return os.pathsep.join(kept) or os.defpath


def _check(checkout: Path, path: Path, link: bool = False) -> None:
    """Refuse what is not a regular file, or is too large; with `link` a link to one inside of the checkout is fine."""
    try:
        about = os.stat(path) if link else os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as problem:
        raise _unsafe(path, problem.strerror or str(problem)) from None
    if link and not Path(os.path.realpath(path)).is_relative_to(checkout):
        raise _unsafe(path, "it is a link to a place outside of the checkout")
    if not stat.S_ISREG(about.st_mode):
        raise _unsafe(path, f"it is {_kind(about.st_mode)}")
    if about.st_size > (LARGEST if path.suffix in (".log", "") else LARGEST_TEXT):
        raise _unsafe(path, f"it has {about.st_size:,} bytes")
    if path.suffix in (".toml", ".lock", ".json") or path.parent.name == "placed":
        _check_depth(path)


def _check_depth(path: Path) -> None:
    """Refuse so many brackets inside each other that a reader would run out of stack."""
    depth = 0
    for bracket in re.sub(rb"[^\[\]{}]", b"", path.read_bytes()):
        depth = depth + 1 if bracket in b"[{" else max(0, depth - 1)
        if depth > BRACKETS:
            raise _unsafe(path, f"more than {BRACKETS} brackets are inside each other")


def _check_own(checkout: Path) -> None:
    """Refuse a `.dev` in which something else than directories, plain files and sockets is."""
    own = checkout / ".dev"
    try:
        about = os.lstat(own)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(about.st_mode):
        raise _unsafe(own, f"it is {_kind(about.st_mode)}")
    for count, path in enumerate(_below(own, 0)):
        if count > MOST:
            raise _unsafe(own, f"it has more than {MOST:,} files and directories")
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            _check(checkout, path)


def _below(directory: Path, depth: int) -> Iterator[Path]:
    """Every entry that is not a directory; those of directories that no look reads are left out."""
    if depth > DEEPEST:
        raise _unsafe(directory, f"more than {DEEPEST} directories are inside each other")
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError as problem:
        raise _unsafe(directory, problem.strerror or str(problem)) from None
    for entry in entries:
        if entry.name in UNREAD:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path), depth + 1)
        else:
            yield Path(entry.path)


def _check_engines(checkout: Path) -> None:
    """Refuse a note that sends us to another Docker engine than this user's own."""
    for note in (checkout / ".dev" / "instances").glob("*/compose/engine"):
        said, own = note.read_text("utf-8", "replace").strip(), docker.look().host
        if said != own:
            raise _unsafe(note, f"it names another Docker engine than yours ({own or 'none'})")


def _kind(mode: int) -> str:
    names = {
        stat.S_IFIFO: "a named pipe", stat.S_IFLNK: "a link", stat.S_IFDIR: "a directory", stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a device", stat.S_IFCHR: "a device", stat.S_IFREG: "a file",
    }  # fmt: skip
    return names.get(stat.S_IFMT(mode), "of an unknown kind")


def _unsafe(path: Path, because: str) -> DevError:
    return DevError(
        "unsafe-file", f"{path} is not read, because the checkout is not trusted", because=because,
        hint="remove it, or trust the checkout with ./dev trust", exit=Exit.NEEDS_HUMAN,
    )  # fmt: skip
