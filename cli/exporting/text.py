"""Block YAML of plain values, as no library is needed to write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
"""Keys that need no quotes."""


def yaml(value: Mapping[str, Any]) -> str:
    """The mapping; every text is in double quotes, where YAML has the escapes of JSON."""
    return "\n".join(_mapping(value, "")) + "\n"


def comments(lines: tuple[str, ...], sign: str = "#") -> str:
    """The lines as comments, with what they are."""
    return "".join(f"{sign} {line}\n" for line in ("made by ./dev export; not exported:", *lines)) if lines else ""


def _mapping(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, each in value.items():
        head = f"{indent}{key if PLAIN.fullmatch(key) else json.dumps(key, ensure_ascii=False)}:"
        if isinstance(each, Mapping) and each:
            yield head
            yield from _mapping(each, indent + "  ")
        elif isinstance(each, (list, tuple)) and each:
            yield head
            yield from (f"{indent}  - {json.dumps(item, ensure_ascii=False)}" for item in each)
        else:
            yield f"{head} {json.dumps(each, ensure_ascii=False)}"
