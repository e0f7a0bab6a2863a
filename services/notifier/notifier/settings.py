"""What the environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass

from shopkit.settings import require

NAMES = ("DATABASE_URL", "PUBSUB_PROJECT_ID", "NOTIFIER_SUBSCRIPTION", "ORDERS_URL")


@dataclass(frozen=True)
class Settings:
    """Everything this service needs to know to run; the Pub/Sub client itself reads PUBSUB_EMULATOR_HOST."""

    database_url: str
    project: str = ""
    subscription: str = ""
    orders_url: str = ""
    log_level: str = "info"

    @classmethod
    def read(cls, names: tuple[str, ...] = NAMES) -> Settings:
        """From the environment, which must have the names."""
        found = require("notifier", os.environ, names)
        values = [found.get(name, "") for name in NAMES]
        return cls(*values, log_level=found.get("LOG_LEVEL") or "info")
