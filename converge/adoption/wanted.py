"""The languages that the services of a draft need and no version file pins, in the version of their images."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

from converge import schema
from converge.adoption import found, text
from converge.adoption.draft import Draft, Entry, Line
from converge.adoption.evidence import Note
from converge.adoption.tree import Tree
from converge.files_read import FilesRead
from converge.installers import choice
from facts.value import replace

OLDEST: Mapping[str, tuple[int, ...]] = {"node": (20,), "python": (3, 9), "go": (1, 21)}
"""Tool -> the oldest version that is taken from an image or a range: of older ones there are no archives any more."""
IMAGES: Mapping[str, re.Pattern[str]] = {
    "python": re.compile(r"^FROM\s+(?:--\S+\s+)?(?:docker\.io/)?(?:library/)?python:(\d+\.\d+)", re.MULTILINE),
    "node": re.compile(r"^FROM\s+(?:--\S+\s+)?(?:docker\.io/)?(?:library/)?node:(\d+)", re.MULTILINE),
    "go": re.compile(r"^FROM\s+(?:--\S+\s+)?(?:docker\.io/)?(?:library/)?golang:(\d+\.\d+)", re.MULTILINE),
    "bun": re.compile(r"^FROM\s+(?:--\S+\s+)?oven/bun:(\d+(?:\.\d+)*)", re.MULTILINE),
}
INSTALLERS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("uv", "0.13", re.compile("")),
    ("poetry", "2", re.compile("")),
    ("pnpm", "8", re.compile(r"^lockfileVersion: '?6", re.MULTILINE)),
    ("pnpm", "10", re.compile("")),
    ("yarn", "1.22", re.compile(r"^# yarn lockfile v1", re.MULTILINE)),
    ("yarn", "4", re.compile(r"^__metadata:", re.MULTILINE)),
    ("bun", "1", re.compile("")),
)
"""Installer, a version, and what its lock file has if that version reads it; the first that fits counts."""
SEVERAL = 'which of {locks} counts? Say install = "…", such as "{name}"'
UNSAID = "no file says which {tool} to take: the one on PATH is used unless [tools] has a version"
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
    """The draft with an entry of [tools], or a note, for each that is missing. It must load."""
    shown, _ = text.written(draft)
    desired = schema.parse(shown.encode(), files=FilesRead(tree.root)).desired
    needed: dict[str, str] = {}
    several: dict[str, str] = {}
    for name, service in desired.services.items():
        if chosen := choice.of_service(tree.root, service):
            lock, *others = (os.path.relpath(each, tree.root) for each in (chosen.lock, *chosen.others))
            needed = {**dict.fromkeys(chosen.row.tools, lock), **needed}
            if others:
                several[name] = SEVERAL.format(locks=", ".join((lock, *others)), name=chosen.row.name)
    folders = {service.path for service in desired.services.values()}
    missing = {tool: _line(tree, tool, folders, needed[tool]) for tool in sorted(set(needed) - set(desired.tools))}
    notes = [Note(source=".", said=UNSAID.format(tool=tool)) for tool, line in missing.items() if line is None]
    entries = _added(draft.entries, [line for line in missing.values() if line])
    asked = tuple(_asked(entry, several) for entry in entries)
    return replace(draft, entries=asked, notes=(*draft.notes, *notes))


def _asked(entry: Entry, several: Mapping[str, str]) -> Entry:
    """The entry with the question which of several lock files counts."""
    if entry.table != "services" or entry.off or entry.name not in several:
        return entry
    return replace(entry, questions=(*entry.questions, several[entry.name]))


def _line(tree: Tree, tool: str, folders: Collection[str], lock: str) -> Line | None:
    """The version of an image that the team builds on; else the lowest of a range; else one that reads the lock file.

    None for a language of which nothing is said.
    """
    files = _near(tree, folders, "Dockerfile", "Dockerfile.dev", "*.Dockerfile")
    if tool in IMAGES and (match := found.first(tree, files, IMAGES[tool])):
        return _of(tool, match, "the version in its image")
    if tool in RANGES:
        name, pattern = RANGES[tool]
        if match := found.first(tree, _near(tree, folders, name), pattern):
            return _of(tool, match, "the lowest that it allows")
    there = lock in tree.paths
    for installer, version, form in INSTALLERS:
        if installer == tool and (form.search(tree.text(lock)) or not there):
            guess = f"it installs {lock}, and no file says a version" if there else "no file says a version"
            return Line(key=tool, value=version, sources=(f"{lock}:1",) if there else (), guess=guess)
    return None


def _of(tool: str, match: found.Match, guess: str) -> Line | None:
    """The version, if it is not too old."""
    version = match.groups[0]
    if tuple(map(int, version.split("."))) < OLDEST.get(tool, ()):
        return None
    return Line(key=tool, value=version, sources=(match.source,), guess=guess)


def _near(tree: Tree, folders: Collection[str], *patterns: str) -> list[str]:
    """Files of that name, those of services first."""
    paths = (path for path in tree.named(*patterns) if not found.TESTS.search(path))
    return sorted(paths, key=lambda path: (found.folder(path) not in folders, path.count("/"), path))


def _added(entries: tuple[Entry, ...], lines: list[Line]) -> tuple[Entry, ...]:
    """With the lines in [tools], which is after [project]."""
    if not lines:
        return entries
    if not any(entry.table == "tools" for entry in entries):
        at = next((n for n, entry in enumerate(entries) if entry.table not in ("project", "tools")), len(entries))
        return (*entries[:at], Entry(table="tools", lines=tuple(lines)), *entries[at:])
    return tuple(
        entry.with_lines(sorted((*entry.lines, *lines), key=lambda line: line.key)) if entry.table == "tools" else entry
        for entry in entries
    )
