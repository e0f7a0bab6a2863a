"""Lines that are JSON objects, as structured loggers write them: what their usual keys mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from facts.value import dataclass

MESSAGES = ("message", "msg", "event", "@m", "@mt")
LEVELS = ("level", "severity", "lvl", "levelname", "log.level", "@l")
TIMES = ("time", "ts", "timestamp", "@timestamp", "asctime", "datetime", "@t")
"""Keys of zap, zerolog, logrus, slog, pino, bunyan, structlog, python-json-logger, ECS, Serilog and Google's agent."""
NUMBERS = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
"""Levels of pino and bunyan."""


@dataclass(frozen=True)
class Record:
    """A line of a structured logger."""

    level: str
    """In lower case; empty without a level."""
    message: str
    fields: Mapping[str, Any]
    """All other keys except its time: each line has a stamp."""


def fields(text: str) -> dict[str, Any] | None:
    """The JSON object of the line; None if it is not one."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def record(text: str) -> Record | None:
    """The line as a structured logger's; None if it is text, or an object without a message and a level."""
    found = fields(text)
    if found is None:
        return None
    message, level = _key(found, MESSAGES), _key(found, LEVELS)
    if not message and not level:
        return None
    words = found.pop(message) if message else ""
    rank = found.pop(level) if level else ""
    if time := _key(found, TIMES):
        del found[time]
    name = NUMBERS.get(rank, str(rank)) if isinstance(rank, int) else str(rank)
    return Record(name.lower(), words if isinstance(words, str) else json.dumps(words, ensure_ascii=False), found)


def field(name: str, value: Any) -> str:
    """`name=value`, quoted where it must be to be read."""
    if not isinstance(value, str):
        return f"{name}={json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
    bare = value and not any(sign in value for sign in ' "=') and value.isprintable()
    return f"{name}={value if bare else json.dumps(value, ensure_ascii=False)}"


def _key(found: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of the names that it has, with a value that can be shown."""
    return next((name for name in names if isinstance(found.get(name), (str, int, float))), "")
