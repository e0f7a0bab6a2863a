"""Which variables have a value and whether it matches; the values themselves never leave the parser."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from facts.patterns import TooSlow, found
from facts.probe import AnyProbe, LocalProbe, Probe

LARGEST = 1_000_000
"""Bytes of the env file, which is written by hand."""
NO_TEXT = "\ufffd"
"""What a reader writes for bytes that are not UTF-8."""
Presence = Mapping[str, bool | Literal["slow"]]
"""Variable -> whether its value matches, `slow` where that takes too long to find out; absent ones have no entry."""


def probes(file: Path, patterns: Mapping[str, str | None]) -> list[AnyProbe]:
    """`env.file` and `env.process`: presence in the env file and in this process. A pattern of None matches all."""
    at = shlex.quote(str(file))
    sh = f"""if [ ! -e {at} ] && [ ! -L {at} ]; then echo read; elif [ ! -f {at} ]; then echo it is not a regular file
else head -c {LARGEST + 1} {at} && echo && echo read; fi"""
    return [
        Probe("env.file", sh, _read(patterns)),
        LocalProbe("env.process", lambda: _presence(os.environ, patterns)),
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


def parse(text: str) -> dict[str, str]:
    """NAME=VALUE lines, which end at line feeds alone; comments, empty lines and lines without `=` are passed over."""
    pairs = (line.partition("=") for line in text.split("\n") if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def stray(text: str) -> int:
    """Number of the first line that `parse` passes over though it has words, as in a value of many lines; else 0."""
    numbered = enumerate(text.split("\n"), 1)
    return next((at for at, line in numbered if line.strip() and "=" not in line and line.lstrip()[0] != "#"), 0)


class _read:
    def __init__(self, patterns: Mapping[str, str | None]) -> None:
        self.patterns = patterns

    def __call__(self, text: str) -> Presence:
        body, _, end = text.rstrip("\n").rpartition("read")
        if end or not text.rstrip().endswith("read"):
            raise ValueError(text.strip() if text.startswith("it ") else "it cannot be read")
        if len(body) > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        if NO_TEXT in body:
            raise ValueError(f"line {len(body.partition(NO_TEXT)[0].splitlines()) or 1} is not UTF-8")
        body = body.removeprefix("\ufeff")
        if line := stray(body):
            raise ValueError(f"line {line} is not NAME=VALUE")
        return _presence(parse(body), self.patterns)


def _presence(values: Mapping[str, str], patterns: Mapping[str, str | None]) -> Presence:
    return {name: _matches(pattern, values[name]) for name, pattern in patterns.items() if values.get(name)}


def _matches(pattern: str | None, value: str) -> bool | Literal["slow"]:
    try:
        return pattern is None or found(pattern, [value])
    except TooSlow:
        return "slow"
