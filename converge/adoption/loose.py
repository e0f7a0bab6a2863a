"""Reads values of files in which anything can have any type: what has not the type that is asked for is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS: Mapping[Any, str] = {True: "true", False: "false"}


def table(value: Any) -> dict[str, Any]:
    """The mapping, or an empty one."""
    return {str(key): inner for key, inner in value.items()} if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """The list; a single text or number is a list of one."""
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] if text(value) else []


def text(value: Any) -> str:
    """A text, number or boolean as one writes it in a line; all else is empty."""
    if isinstance(value, bool):
        return WORDS[value]
    return str(value) if isinstance(value, (str, int, float)) else ""


def texts(value: Any) -> list[str]:
    """The texts of a list, or the one text."""
    return [each for each in map(text, listed(value)) if each]


def number(value: Any) -> int | None:
    """A port or the like: a whole number from 1 to 65535, also as a text."""
    said = text(value).strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 6 and 0 < int(said) < 65536 else None


def pairs(value: Any) -> dict[str, str | None]:
    """A list of `NAME=VALUE`, or a mapping; None where only the name is there."""
    if isinstance(value, Mapping):
        return {str(key): None if inner is None else text(inner) for key, inner in value.items()}
    found: dict[str, str | None] = {}
    for each in texts(value):
        name, sign, said = each.partition("=")
        found[name.strip()] = said if sign else None
    return found
