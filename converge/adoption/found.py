"""Places in texts: the line of a match, and the first file in which a pattern is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable

from converge.adoption.tree import Tree
from facts.value import dataclass

TESTS = re.compile(r"(^|/)(tests?|testing|testdata|__tests__|e2e|fixtures|examples?|benchmarks?|docs?|templates?)/")
"""Directories whose programs are not services."""


@dataclass(frozen=True)
class Match:
    """A pattern in a file."""

    path: str
    line: int
    groups: tuple[str, ...]
    """Its groups; one that took no part is empty."""

    @property
    def source(self) -> str:
        return f"{self.path}:{self.line}"


def first(tree: Tree, paths: Iterable[str], pattern: re.Pattern[str], word: str = "") -> Match | None:
    """The first match in these files, in their order. `word` is in each match: a file without it is passed fast."""
    for path in paths:
        text = tree.text(path)
        if word in text and (match := pattern.search(text)):
            groups = tuple(group or "" for group in match.groups())
            return Match(path, text.count("\n", 0, match.start()) + 1, groups)
    return None


def folder(path: str) -> str:
    """The directory of a path; `.` for the checkout itself."""
    return posixpath.dirname(path) or "."


def below(path: str, place: str) -> bool:
    """Whether a path is in a directory, at any depth."""
    return place == "." or path.startswith(f"{place}/")


def nearest(path: str, places: Container[str]) -> str | None:
    """The deepest of these directories that has the file in it."""
    place = posixpath.dirname(path)
    while place and place not in places:
        place = posixpath.dirname(place)
    return place or ("." if "." in places else None)


def owned(paths: Iterable[str], places: Iterable[str]) -> dict[str, list[str]]:
    """The files of each of these directories that are in no deeper one of them."""
    found: dict[str, list[str]] = {place: [] for place in places}
    for path in paths:
        place = nearest(path, found)
        if place is not None:
            found[place].append(path)
    return found


def within(path: str, place: str) -> str:
    """The path relative to a directory above it."""
    return path if place == "." else path[len(place) + 1 :]
