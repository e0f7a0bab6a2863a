"""`python -m catalog.migrate` applies every migration not yet applied, in name order and under one lock."""

from __future__ import annotations

from shopkit import database, logs

from catalog.settings import Settings

if __name__ == "__main__":
    settings = Settings.read(("DATABASE_URL",))
    logs.configure("catalog", settings.log_level)
    database.migrate_or_exit("catalog", settings.database_url)
