"""What the environment says."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Everything this service needs to know to run."""

    database_url: str
    log_level: str = "info"

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; a missing variable ends the process with one line on stderr and exit code 1."""
        missing = [name for name in ("DATABASE_URL",) if not environment.get(name)]
        if missing:
            print(f"notifier: missing environment variable: {', '.join(missing)}", file=sys.stderr)
            raise SystemExit(1)
        return cls(environment["DATABASE_URL"], environment.get("LOG_LEVEL") or "info")
