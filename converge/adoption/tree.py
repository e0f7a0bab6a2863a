"""The files of a repository that its people wrote: what git does not ignore."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from facts import git

LARGEST = 1_000_000
"""Bytes of a file that are read; a file that people write by hand is far smaller."""
NOT_WRITTEN = frozenset(
    ["node_modules", "bower_components", "vendor", "venv", "__pycache__", "dist", "build", "target", "coverage", "Pods"]
)
"""Directories without git's word on them that hold what was installed or built."""
OURS = ("desired_state.toml", "desired_state.lock", "desired_state.local.toml")
"""What was read from the repository is not evidence for itself."""


class Tree:
    """The files of a repository, listed once. Links are not followed, and submodules are not entered."""

    def __init__(self, root: Path) -> None:
        self.root = root
        listed = _of_git(root)
        found = _walked(root) if listed is None else (path for path in listed if _is_file(os.path.join(root, path)))
        paths = sorted(set(found) - set(OURS))
        self.paths: tuple[str, ...] = tuple(path for path in paths if path.isprintable())
        """Relative paths, sorted."""
        self.strange = len(paths) - len(self.paths)
        """Files that were left out, as their names cannot be written in a text."""
        self.by_git = listed is not None
        """Whether git said which files count."""
        self._texts: dict[str, str] = {}
        self._named: dict[tuple[str, ...], tuple[str, ...]] = {}

    def text(self, path: str) -> str:
        """The beginning of a file as text; empty if it is none, or cannot be read."""
        if path not in self._texts:
            self._texts[path] = _text(os.path.join(self.root, path))
        return self._texts[path]

    def named(self, *patterns: str) -> Iterator[str]:
        """Paths of the files whose name has one of these patterns, such as `docker-compose*.yml`."""
        if patterns not in self._named:
            wanted = re.compile("|".join(map(fnmatch.translate, patterns)))
            self._named[patterns] = tuple(path for path in self.paths if wanted.match(path.rpartition("/")[2]))
        yield from self._named[patterns]


def _of_git(root: Path) -> list[str] | None:
    """None if there is no git, or it cannot read the repository."""
    try:
        ran = subprocess.run(
            git.argv(root, "ls-files", "-co", "--exclude-standard", "-z"), capture_output=True, env=git.environment()
        )  # fmt: skip
    except OSError:
        return None
    if ran.returncode:
        return None
    return [name for name in ran.stdout.decode(errors="surrogateescape").split("\0") if name]


def _walked(root: Path) -> Iterator[str]:
    for directory, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name not in NOT_WRITTEN and (not name.startswith(".") or name in _READ)]
        place = os.path.relpath(directory, root)
        for name in names:
            path = os.path.normpath(os.path.join(place, name))
            if _is_file(os.path.join(directory, name)):
                yield path


_READ = frozenset([".devcontainer", ".github"])


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _text(path: str) -> str:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            raw = file.read(LARGEST)
    except OSError:
        return ""
    return "" if b"\0" in raw else raw.decode("utf-8-sig", "replace")
