"""Which variables have a value and whether it matches; the values themselves never leave the parser."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from facts.patterns import TooSlow, found
from facts.probe import AnyProbe, LocalProbe, Probe
from facts.value import Unknown

NOT_TEXT = "is not UTF-8 text"
"""Ends the reason where the file has another encoding, which a person has to change."""
Presence = Mapping[str, bool | Literal["slow"]]
"""Variable -> whether its value matches, `slow` where that takes too long to find out; absent ones have no entry."""


def probes(file: Path, patterns: Mapping[str, str | None]) -> list[AnyProbe]:
    """`env.file` and `env.process`: presence in the env file and in this process. A pattern of None matches all."""
    at = shlex.quote(str(file))
    return [
        Probe("env.file", f"if [ -e {at} ]; then cat {at} && echo && echo read; else echo read; fi", _read(patterns)),
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
    """NAME=VALUE lines; comments, empty lines and lines without `=` are passed over, and so is a byte-order mark."""
    text = text.removeprefix("\ufeff")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


class _read:
    def __init__(self, patterns: Mapping[str, str | None]) -> None:
        self.patterns = patterns

    def __call__(self, text: str) -> Presence | Unknown:
        body, _, end = text.rstrip("\n").rpartition("read")
        if end or not text.rstrip().endswith("read"):
            raise ValueError("the file cannot be read")
        if strange := re.search("[\0\ufffd]", body):  # U+FFFD stands for bytes that are not UTF-8
            line = len(body[: strange.start()].split("\n"))
            return Unknown(f"line {line} {NOT_TEXT}")
        return _presence(parse(body), self.patterns)


def _presence(values: Mapping[str, str], patterns: Mapping[str, str | None]) -> Presence:
    return {name: _matches(pattern, values[name]) for name, pattern in patterns.items() if values.get(name)}


def _matches(pattern: str | None, value: str) -> bool | Literal["slow"]:
    try:
        return pattern is None or found(pattern, [value])
    except TooSlow:
        return "slow"
