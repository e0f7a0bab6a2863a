"""The tools that the services of a draft need and no version file pins, with the version that comes nearest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from converge import schema
from converge.adoption import found, text
from converge.adoption.draft import Draft, Entry, Line
from converge.adoption.tree import Tree
from converge.files_read import FilesRead
from converge.installers import choice
from facts.value import replace

USUAL: Mapping[str, str] = {
    "go": "1.27", "node": "24", "python": "3.13", "uv": "0.13.8", "pnpm": "10", "yarn": "1", "bun": "1", "poetry": "2",
    "cargo": "1",
}  # fmt: skip
"""Tool -> the version for a repository that says none."""
IMAGES: Mapping[str, re.Pattern[str]] = {
    "python": re.compile(r"^FROM\s+(?:--\S+\s+)?(?:docker\.io/)?(?:library/)?python:(\d+\.\d+)", re.MULTILINE),
    "node": re.compile(r"^FROM\s+(?:--\S+\s+)?(?:docker\.io/)?(?:library/)?node:(\d+)", re.MULTILINE),
    "go": re.compile(r"^FROM\s+(?:--\S+\s+)?(?:docker\.io/)?(?:library/)?golang:(\d+\.\d+)", re.MULTILINE),
    "bun": re.compile(r"^FROM\s+(?:--\S+\s+)?oven/bun:(\d+(?:\.\d+)*)", re.MULTILINE),
}
RANGES: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "python": (
        "pyproject.toml",
        re.compile(r"^(?:requires-python|python)\s*=\s*[\"'][~^>= ]*(\d+\.\d+)", re.MULTILINE),
    ),
    "node": ("package.json", re.compile(r'"node"\s*:\s*"[~^>= v]*(\d+)')),
    "pnpm": ("package.json", re.compile(r'"pnpm"\s*:\s*"[~^>= v]*(\d+)')),
}
"""Tool -> file with the range of its versions, and the lowest one in it."""


def with_tools(draft: Draft, tree: Tree) -> Draft:
    """The draft with an entry of [tools] for each that is missing. It must load."""
    shown, _ = text.written(draft)
    desired = schema.parse(shown.encode(), files=FilesRead(tree.root)).desired
    needed: dict[str, None] = {}
    for service in desired.services.values():
        chosen = choice.of_service(tree.root, service)
        needed |= dict.fromkeys(chosen.row.tools if chosen else ())
    missing = [_line(tree, tool) for tool in sorted(needed) if tool not in desired.tools]
    return replace(draft, entries=_added(draft.entries, missing)) if missing else draft


def _line(tree: Tree, tool: str) -> Line:
    """The version of an image that the team builds on; else the lowest of a range; else the usual one."""
    files: Iterable[str] = _shallow(tree, "Dockerfile", "Dockerfile.dev", "*.Dockerfile")
    if tool in IMAGES and (match := found.first(tree, files, IMAGES[tool])):
        return Line(key=tool, value=match.groups[0], sources=(match.source,), guess="the version in its image")
    if tool in RANGES:
        name, pattern = RANGES[tool]
        if match := found.first(tree, _shallow(tree, name), pattern):
            return Line(key=tool, value=match.groups[0], sources=(match.source,), guess="the lowest that it allows")
    return Line(key=tool, value=USUAL[tool], sources=(), guess="no file says a version")


def _shallow(tree: Tree, *patterns: str) -> list[str]:
    paths = (path for path in tree.named(*patterns) if not found.TESTS.search(path))
    return sorted(paths, key=lambda path: (path.count("/"), path))


def _added(entries: tuple[Entry, ...], lines: list[Line]) -> tuple[Entry, ...]:
    """With the lines in [tools], which is after [project]."""
    if not any(entry.table == "tools" for entry in entries):
        at = next((n for n, entry in enumerate(entries) if entry.table not in ("project", "tools")), len(entries))
        return (*entries[:at], Entry(table="tools", lines=tuple(lines)), *entries[at:])
    return tuple(
        entry.with_lines(sorted((*entry.lines, *lines), key=lambda line: line.key)) if entry.table == "tools" else entry
        for entry in entries
    )
