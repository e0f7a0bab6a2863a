"""Which Compose files of a repository are the ones that people develop with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from converge.adoption.evidence import Note
from facts.value import dataclass

DEFAULTS = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""Names that Compose takes by itself, the strongest first."""
DEVELOPMENT = ("dev", "development", "develop", "local", "infra", "infrastructure", "deps", "services")
"""Words in the name of a file for development, the likeliest first."""
OTHER = frozenset([
    "prod", "production", "staging", "stage", "test", "tests", "testing", "ci", "e2e", "deploy", "release", "swarm",
    "traefik", "monitoring", "debug", "build", "cloud", "demo",
])  # fmt: skip
"""Words in the name of a file for another purpose."""
DEEPEST = 2
"""Directories above such a file; of two the nearer to the root counts."""
NOTED = 6
"""Files left out of which each has a note."""
_NAME = re.compile(r"(?:docker-)?compose(?:[._-]([\w.-]+))?\.ya?ml")


@dataclass(frozen=True)
class Chosen:
    """The files of one project, each of which changes what the ones before it say."""

    files: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    guess: str = ""


def chosen(paths: Iterable[str]) -> Chosen:
    """The Compose files to read, of all paths of a repository."""
    known: dict[str, list[str]] = {}
    for path in paths:
        if path.count("/") <= DEEPEST and _NAME.fullmatch(PurePosixPath(path).name):
            known.setdefault(path.rpartition("/")[0], []).append(path)
    order = sorted(known, key=_place)
    for folder in order:
        files, guess = _of(known[folder])
        if files:
            left = [path for each in order for path in known[each] if path not in files]
            return Chosen(tuple(files), tuple(_left(left)), guess)
    return Chosen((), tuple(_left([path for folder in order for path in known[folder]])))


def _place(folder: str) -> tuple[int, bool, bool, str]:
    other = bool(OTHER & set(re.split(r"[/._-]", folder)))
    return folder.count("/") + bool(folder), folder.startswith("."), other, folder


def words(path: str) -> list[str]:
    """Words of a file's name beside `compose`: `dev` of `docker-compose.dev.yml`."""
    match = _NAME.fullmatch(PurePosixPath(path).name)
    return re.split(r"[._-]", match[1].lower()) if match and match[1] else []


def _of(paths: Sequence[str]) -> tuple[list[str], str]:
    by_name = {PurePosixPath(path).name: path for path in sorted(paths)}
    base = next((by_name[name] for name in DEFAULTS if name in by_name), "")
    extra = [path for path in sorted(paths) if words(path) and not OTHER & set(words(path))]
    develop = sorted((path for path in extra if _rank(path) < len(DEVELOPMENT)), key=_rank)
    if base:
        override = [path for path in extra if words(path) == ["override"]]
        return [base, *override, *develop[:1]], ""
    if develop or extra:
        first = (develop or extra)[0]
        return [first], "no Compose file has the usual name; this one looks like the one for development"
    return [], ""


def _rank(path: str) -> int:
    return min((DEVELOPMENT.index(word) for word in words(path) if word in DEVELOPMENT), default=len(DEVELOPMENT))


def _left(paths: Sequence[str]) -> Iterable[Note]:
    for path in paths[:NOTED]:
        yield Note(
            source=f"{path}:1", said="this Compose file is not read: it looks like one for another purpose or part"
        )
    if len(paths) > NOTED:
        yield Note(source=f"{paths[NOTED]}:1", said=f"nor are this Compose file and {len(paths) - NOTED - 1} more")
