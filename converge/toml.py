"""Reads TOML: the tree of values and the line of every key; refuses what is no text or has impossible values."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from converge.errors import DevError, Exit
from facts import text

DEEPEST = 20
"""Tables and arrays inside of each other; a desired state has five."""
LARGEST_NUMBER = 2**63
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"


def tree(raw: bytes, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The tree and the line (`name:LINE`) of every key; DevError `state-…` or `value-wrong` if it cannot be taken."""
    import tomllib  # saves 3 ms of every command whose state was checked before

    content = _text(raw, name)
    try:
        found = tomllib.loads(content)
    except (ValueError, RecursionError) as problem:  # Python reads no number with more than 4300 digits
        where = re.search(r"line (\d+)", str(problem))
        long = None if where else re.search(r"[0-9a-fA-F_]{2000}", content)
        line = where.group(1) if where else content.count("\n", 0, long.start() if long else len(content)) + 1
        raise refuse("state-not-toml", f"{name} is not TOML", f"{name}:{line}", str(problem)) from None
    if name == "desired_state.toml" and not found:
        raise refuse(
            "state-empty",
            f"{name} is empty",
            f"{name}:1",
            "it needs at least schema = 1 and [project] name",
            "see docs/reference/desired_state.md",
        )
    lines = dict(_key_lines(content, name))
    for key, because in _impossible(found):
        line = next((lines[each] for each in parents(key) if each in lines), f"{name}:1")
        raise refuse("value-wrong", f"{key[:200]} has a wrong value", line, because)
    return found, lines


def refuse(code: str, what: str, at: str, because: str, hint: str = "") -> DevError:
    """The error for a desired state that is not right at `file:line`."""
    return DevError(code, what, because=because, hint=hint, source=at, exit=Exit.BAD_STATE)


def _text(raw: bytes, name: str) -> str:
    try:
        return text.decoded(raw)
    except text.NotText as problem:
        raise refuse(
            "state-not-text", f"{name} is not UTF-8 text", f"{name}:{problem.line}", problem.because, text.HINT
        ) from None


def _impossible(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys, with why no program could be given their value; without recursion, as they may be deep."""
    later: list[tuple[str, int, Any]] = [("", 0, found)]
    while later:
        key, depth, value = later.pop()
        if depth > DEEPEST:
            yield key, f"tables and arrays may be {DEEPEST} deep"
        elif isinstance(value, dict):
            for name, inner in value.items():
                if "\0" in name:
                    yield f"{key}.{name}".lstrip("."), "no name can have a NUL character"
                later.append((f"{key}.{name}" if key else name, depth + 1, inner))
        elif isinstance(value, list):
            later += [(key, depth + 1, inner) for inner in value]
        elif isinstance(value, str) and "\0" in value:
            yield key, "no argument, variable or path can have a NUL character"
        elif isinstance(value, int) and not -LARGEST_NUMBER <= value < LARGEST_NUMBER:
            yield key, "the number has more than 64 bits"
        elif isinstance(value, float) and value - value != 0:
            yield key, "the number must be finite"


def parents(key: str) -> Iterator[str]:
    """The key, then what it is in, outwards."""
    while key:
        yield key
        key = key.rpartition(".")[0]


def _key_lines(content: str, name: str) -> Iterator[tuple[str, str]]:
    """Dotted key -> `file:line`, by one look at each line: headers, keys, and the keys of inline tables."""
    prefix, fence = "", ""
    for number, line in enumerate(content.split("\n"), 1):
        if fence:
            fence = "" if fence in line else fence
            continue
        if "[" not in line and "=" not in line:
            continue
        if header := re.match(rf"\s*\[\[?\s*({_DOTTED})\s*\]", line):
            prefix = _plain(header.group(1))
            yield prefix, f"{name}:{number}"
        elif pair := re.match(rf"\s*({_DOTTED})\s*=(.*)", line):
            key = ".".join(filter(None, (prefix, _plain(pair.group(1)))))
            yield key, f"{name}:{number}"
            for inner in re.findall(rf"[{{,]\s*({_DOTTED})\s*=", pair.group(2)):
                yield f"{key}.{_plain(inner)}", f"{name}:{number}"
            for mark in ('"' * 3, "'" * 3):
                if pair.group(2).count(mark) == 1:
                    fence = mark


def _plain(dotted: str) -> str:
    return ".".join(map(_unquoted, re.findall(r""""[^"]*"|'[^']*'|[^.]+""", dotted)))


def _unquoted(part: str) -> str:
    part = part.strip()
    if part.startswith('"') and "\\" in part:
        import tomllib  # saves 3 ms of every command whose state was checked before

        with contextlib.suppress(ValueError):
            return str(tomllib.loads(f"key = {part}")["key"])
    return part.strip("\"'")
