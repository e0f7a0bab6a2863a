"""Log lines as JSON objects, one a line, on stdout."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

FIELDS = ("auth_code", "auth_mode", "auth_reason", "request_id")
"""What a record may have in `extra` and its line shows; the same names in every language."""


class JsonLine(logging.Formatter):
    """Formats a record of one service as one JSON object."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """Give the line; a traceback goes into its `error` field."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self.service,
            "logger": record.name,
            "msg": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(service: str, level: str) -> None:
    """Send every logger through one JSON handler. Uvicorn sets up its own handlers before it imports the app."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLine(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("httpx").setLevel(logging.WARNING)
