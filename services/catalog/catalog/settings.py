"""What the environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass

from shopkit.settings import require


@dataclass(frozen=True)
class Settings:
    """Everything this service needs to know to run."""

    database_url: str
    log_level: str = "info"

    @classmethod
    def read(cls, names: tuple[str, ...] = ("DATABASE_URL",)) -> Settings:
        """From the environment, which must have the names."""
        found = require("catalog", os.environ, names)
        return cls(found["DATABASE_URL"], found.get("LOG_LEVEL") or "info")
