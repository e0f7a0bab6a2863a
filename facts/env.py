"""Which variables have a value and whether it matches; the values themselves never leave the parser."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from facts import regular
from facts.patterns import TooSlow, found
from facts.probe import AnyProbe, LocalProbe
from facts.text import NotText, decoded

LARGEST = 1_000_000
"""Bytes of the env file, which is written by hand."""
Presence = Mapping[str, bool | Literal["slow"]]
"""Variable -> whether its value matches, `slow` where that takes too long to find out; absent ones have no entry."""


def probes(file: Path, patterns: Mapping[str, str | None]) -> list[AnyProbe]:
    """`env.file` and `env.process`: presence in the env file and in this process. A pattern of None matches all."""
    return [
        LocalProbe("env.file", lambda: _stored(file, patterns)),
        LocalProbe("env.process", lambda: presence(os.environ, patterns)),
    ]


def readable(path: Path, name: str) -> LocalProbe:
    """`NAME`: the mode of a file that other users than its owner can read, as octal digits; empty if none can."""

    def look() -> str:
        try:
            about = path.lstat()
        except FileNotFoundError:
            return ""
        loose = stat.S_ISREG(about.st_mode) and about.st_mode & 0o077
        return f"{stat.S_IMODE(about.st_mode):o}" if loose else ""

    return LocalProbe(name, look)


def content(file: Path) -> str:
    """The text of the env file. OSError as `facts.regular.content`, NotText as `facts.text.decoded`."""
    return decoded(regular.content(file, LARGEST))


def parse(text: str) -> dict[str, str]:
    """NAME=VALUE lines, which end at line feeds alone; comments, empty lines and lines without `=` are passed over."""
    pairs = (line.partition("=") for line in text.split("\n") if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def stray(text: str) -> int:
    """Number of the first line that `parse` passes over though it has words, as in a value of many lines; else 0."""
    numbered = enumerate(text.split("\n"), 1)
    return next((at for at, line in numbered if line.strip() and "=" not in line and line.lstrip()[0] != "#"), 0)


def _stored(file: Path, patterns: Mapping[str, str | None]) -> Presence:
    try:
        text = content(file)
    except NotText as problem:
        raise ValueError(f"line {problem.line} is not UTF-8 text ({problem.because})") from None
    except OSError as problem:
        if isinstance(problem, FileNotFoundError) and not file.is_symlink():
            return {}
        raise ValueError(problem.strerror or str(problem)) from None
    if line := stray(text):
        raise ValueError(f"line {line} is not NAME=VALUE")
    return presence(parse(text), patterns)


def presence(values: Mapping[str, str], patterns: Mapping[str, str | None]) -> Presence:
    """Which of the names in `patterns` have a value that is not empty, and whether it matches."""
    return {name: _matches(pattern, values[name]) for name, pattern in patterns.items() if values.get(name)}


def _matches(pattern: str | None, value: str) -> bool | Literal["slow"]:
    try:
        return pattern is None or found(pattern, [value])
    except TooSlow:
        return "slow"
