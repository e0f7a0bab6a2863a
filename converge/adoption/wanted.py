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
from converge.installers import choice, rows
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
MANAGER = re.compile(r'"packageManager"\s*:\s*"(\w+)@')
PREFERRED = ("uv", "poetry", "pnpm", "yarn", "bun")
"""Of two installers with a lock file in one directory: the other file is usually exported, or left from earlier."""
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
    named: dict[str, Line] = {}
    for name, service in desired.services.items():
        if chosen := choice.of_service(tree.root, service):
            tools, lock = chosen.row.tools, os.path.relpath(chosen.lock, tree.root)
            if chosen.others:
                named[name], lock = _install(tree, [lock, *(os.path.relpath(o, tree.root) for o in chosen.others)])
                tools = rows.of_name(str(named[name].value))[0].tools
            needed = {**dict.fromkeys(tools, lock), **needed}
    folders = {service.path for service in desired.services.values()}
    missing = {tool: _line(tree, tool, folders, needed[tool]) for tool in sorted(set(needed) - set(desired.tools))}
    notes = [Note(source=".", said=UNSAID.format(tool=tool)) for tool, line in missing.items() if line is None]
    entries = _added(draft.entries, [line for line in missing.values() if line])
    complete = tuple(
        entry.with_lines((*entry.lines, named[entry.name]))
        if entry.table == "services" and not entry.off and entry.name in named else entry
        for entry in entries
    )  # fmt: skip
    return replace(draft, entries=complete, notes=(*draft.notes, *notes))


def _install(tree: Tree, locks: list[str]) -> tuple[Line, str]:
    """Of several lock files in one directory the one that `packageManager` names; else a guess. And that file."""
    names = {row.name: lock for lock in locks if (row := rows.of_file(os.path.basename(lock)))}
    manifest = os.path.normpath(os.path.join(os.path.dirname(locks[0]), "package.json"))
    said = found.first(tree, [manifest], MANAGER)
    if said and said.groups[0] in names:
        name = said.groups[0]
        return Line(key="install", value=name, sources=(said.source,)), names[name]
    name = next((each for each in PREFERRED if each in names), next(iter(names)))
    others = " and ".join(lock for lock in locks if lock != names[name])
    return Line(key="install", value=name, sources=(f"{names[name]}:1",), guess=f"{others} is there, too"), names[name]


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
