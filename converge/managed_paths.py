"""Paths of managed files: one form each, inside the checkout, none of the tool's or git's own, no two at one place."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from converge import trust
from converge.desired import Loaded
from converge.toml import refuse

CLOSED = {".git": "git's own", ".dev": "./dev's own"}
"""Directories, at any depth, in which nothing is managed -> whose they are."""
IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
"""Code points that HFS+ ignores in a name. Source: git's utf8.c, `next_hfs_char`."""


def normal(path: str) -> str:
    """The path without `.`, `..`, double and trailing slashes; empty for the checkout itself.

    That a `..` can be resolved by the text alone is true because no directory on the way may be a link.
    """
    found = posixpath.normpath(path)
    return "" if found == "." else found


def key(path: str) -> str:
    """The same for all paths that are one place where a file system ignores case or the form of Unicode (macOS)."""
    text = normal(path)
    if text.isascii():
        return text.lower()
    import unicodedata  # saves 0.4 ms of every command whose paths are ASCII

    folded = unicodedata.normalize("NFD", text.translate(IGNORED)).casefold()
    return unicodedata.normalize("NFD", folded)


def check(loaded: Loaded) -> None:
    """Refuse, at its line, a path that is not inside, belongs to git or the tool, or is in the way of another one."""
    at: dict[str, str] = {}
    for path in loaded.desired.files:
        source = loaded.source(f"files.{path}")
        if (other := at.setdefault(key(path), path)) != path:
            because = "they are one place" + ("" if normal(other) == normal(path) else " on some file systems")
            raise refuse("bad-path", f"{path} is declared twice", source, f"{because}: the other one is {other}")
        if wrong := next(_wrong(path), None):
            raise refuse("bad-path", f"file {path} {wrong[0]}", source, wrong[1])
    for path in loaded.desired.files:
        above = (at[each] for each in _above(key(path)) if each in at)
        if file := next((each for each in above if not loaded.desired.files[each].directory), None):
            because = f"{file} is a file, and a file has no entries"
            raise refuse("bad-path", f"{path} is below {file}", loaded.source(f"files.{path}"), because)


def _wrong(path: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a path by itself, and why."""
    plain = key(path)
    if path.startswith("/") or plain.split("/")[0] == "..":
        yield "leaves the checkout", "managed files must be in the checkout"
    if not plain:
        yield "is the checkout itself", "managed files must be in the checkout"
    for part in plain.split("/"):
        if part in CLOSED:
            yield f"is in {part}", f"that is {CLOSED[part]}"
    if plain.split("/")[0] in trust.FILES:
        yield "is a part of the desired state", "./dev reads it to know what to write, so it cannot write it"
    if path.startswith("~"):
        yield "begins with ~", "a path is relative to the checkout, and ~ is not replaced by your home directory"
    if any(part != part.strip() or not part.isprintable() for part in path.split("/")):
        yield "has a blank at an end of a name, or a character that is not seen", "it looks like another path"


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
