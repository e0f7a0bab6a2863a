"""The named commands of Makefile, justfile, Taskfile, taskipy and package.json, with the line of each."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from converge.adoption import jsonc, loose
from converge.adoption.tree import Tree
from converge.compose_file import document
from converge.errors import DevError
from facts.value import dataclass

MOST = 200
"""Commands of one file."""
LOCKS: Mapping[str, str] = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}
DEEPEST = 2
"""Directories above such a file."""
_TARGET = re.compile(r"([A-Za-z][\w.-]*)\s*:(?![=:])[^#]*(?:##?\s*(.*))?")
_RECIPE = re.compile(
    r"@?([a-z][\w-]*)((?:\s+[+*$]?[\w-]+(?:=(?:'[^']*'|\"[^\"]*\"|\S+))?)*)\s*:(?!=)\s*.*", re.IGNORECASE
)


@dataclass(frozen=True)
class Command:
    """A command with a name."""

    name: str
    run: str
    """How it is run in `folder`."""
    folder: str
    source: str
    help: str = ""


def of(tree: Tree) -> Iterator[Command]:
    """All of them."""
    paths = frozenset(tree.paths)
    for path in tree.paths:
        folder, _, name = path.rpartition("/")
        reader = READERS.get(name.lower())
        if reader and path.count("/") <= DEEPEST:
            found = reader(tree.text(path), path)
            for _, (said, line, run, about) in zip(range(MOST), found, strict=False):
                run = run.replace("npm", _manager(paths, folder), 1) if name == "package.json" else run
                yield Command(said, run, folder or ".", f"{path}:{line}", _help(about))


def _manager(paths: frozenset[str], folder: str) -> str:
    """The package manager by the nearest lock file."""
    while True:
        for name, manager in LOCKS.items():
            if posixpath.join(folder, name) in paths:
                return manager
        if not folder:
            return "npm"
        folder = posixpath.dirname(folder)


Found = Iterator[tuple[str, int, str, str]]


def _makefile(text: str, path: str) -> Found:
    comment = ""
    for number, line in enumerate(text.splitlines(), 1):
        match = _TARGET.fullmatch(line)
        if match and match[1] not in ("default", "all", "help") and "%" not in line:
            yield match[1], number, f"make {match[1]}", match[2] or comment
        comment = line.lstrip("# ") if line.startswith("#") else ""


def _justfile(text: str, path: str) -> Found:
    comment = ""
    for number, line in enumerate(text.splitlines(), 1):
        match = _RECIPE.fullmatch(line)
        required = match and re.search(r"\s[\w-]+(?=\s|\Z)(?!=)", match[2])
        if match and not required and match[1] not in ("default", "help", "set", "alias"):
            yield match[1], number, f"just {match[1]}", comment
        comment = line.lstrip("# ") if line.startswith("#") else ""


def _taskfile(text: str, path: str) -> Found:
    try:
        found = document.read(text.replace("$", "$$").encode(), path, {})
    except DevError:
        return
    for name, entry in loose.table(found.tree.get("tasks")).items():
        about = loose.text(loose.table(entry).get("desc"))
        if not loose.table(entry).get("internal") and re.fullmatch(r"[\w:.-]+", name):
            yield name, int(found.source("tasks", name).rpartition(":")[2]), f"task {name}", about


def _package(text: str, path: str) -> Found:
    scripts = loose.table(loose.table(jsonc.read(text)).get("scripts"))
    for name in scripts:
        if re.fullmatch(r"[\w:.-]+", name):
            yield name, jsonc.line(text, name, after='"scripts"'), f"npm run {name}", ""


def _pyproject(text: str, path: str) -> Found:
    try:
        tools: Any = tomllib.loads(text).get("tool")
    except (ValueError, RecursionError):
        return
    for tool, key, run in (("taskipy", "tasks", "task"), ("poe", "tasks", "poe"), ("pdm", "scripts", "pdm run")):
        table = loose.table(loose.table(loose.table(tools).get(tool)).get(key))
        for name in table:
            if re.fullmatch(r"[\w:.-]+", name):
                pattern = rf"\s*\"?{re.escape(name)}\"?(\.\w+)?\s*=|\[tool\.\w+\.\w+\.{re.escape(name)}\]"
                yield name, _line(text, pattern), f"{run} {name}", ""


def _line(text: str, pattern: str) -> int:
    return next((n for n, line in enumerate(text.splitlines(), 1) if re.match(pattern, line)), 1)


def _help(said: str) -> str:
    return " ".join(loose.text(said).lstrip("# ").split())[:100]


READERS: Mapping[str, Callable[[str, str], Found]] = {
    "makefile": _makefile, "gnumakefile": _makefile, "justfile": _justfile, ".justfile": _justfile,
    "taskfile.yml": _taskfile, "taskfile.yaml": _taskfile, "taskfile.dist.yml": _taskfile,
    "package.json": _package, "pyproject.toml": _pyproject,
}  # fmt: skip
"""Name of a file in small letters -> what reads its commands."""
