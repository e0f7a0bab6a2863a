"""Reads JSON in which people write comments and commas too many, as in devcontainer.json and tsconfig.json."""

from __future__ import annotations

import json
import re
from typing import Any

LARGEST = 2_000_000
"""Characters of one file."""
_TOKEN = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')


def read(text: str) -> Any:
    """The value; None if it cannot be read."""
    if len(text) > LARGEST:
        return None
    plain = _TOKEN.sub(lambda match: match[1] or " ", text.removeprefix("\ufeff"))
    try:
        return json.loads(_COMMA.sub(lambda match: match[1] or "", plain))
    except (ValueError, RecursionError):
        return None


def line(text: str, key: str, after: str = "") -> int:
    """The line of the first `"key":` after another text; 1 if there is none."""
    begin = max(text.find(after), 0) if after else 0
    match = re.compile(rf'"{re.escape(key)}"\s*:').search(text, begin)
    return text.count("\n", 0, match.start()) + 1 if match else 1
