"""What the environment says."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Everything this service needs to know to run; the Pub/Sub client itself reads PUBSUB_EMULATOR_HOST."""

    database_url: str
    project: str
    subscription: str
    log_level: str = "info"

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, names: tuple[str, ...] = ()) -> Settings:
        """Read the settings; a missing variable of `names` (all without) ends the process with one line and exit 1."""
        names = names or ("DATABASE_URL", "PUBSUB_PROJECT_ID", "NOTIFIER_SUBSCRIPTION")
        missing = [name for name in names if not environment.get(name)]
        if missing:
            print(f"notifier: missing environment variable: {', '.join(missing)}", file=sys.stderr)
            raise SystemExit(1)
        return cls(
            environment["DATABASE_URL"],
            environment.get("PUBSUB_PROJECT_ID", ""),
            environment.get("NOTIFIER_SUBSCRIPTION", ""),
            environment.get("LOG_LEVEL") or "info",
        )
