"""`python -m notifier.migrate` applies every migration not yet applied, in name order and under one lock."""

from __future__ import annotations

from shopkit import database, logs

from notifier.settings import Settings

if __name__ == "__main__":
    settings = Settings.read(("DATABASE_URL",))
    logs.configure("notifier", settings.log_level)
    database.migrate_or_exit("notifier", settings.database_url)
