"""`python -m catalog.migrate` applies every migration not yet applied, in name order and under one lock.

It owns the users table, too, which every service of the platform fills.
"""

from __future__ import annotations

import psycopg
from platform_auth import migrate as users
from shopkit import database, logs

from catalog.settings import Settings

if __name__ == "__main__":
    settings = Settings.read(("DATABASE_URL",))
    logs.configure("catalog", settings.log_level)
    database.migrate_or_exit("catalog", settings.database_url)
    try:
        users.migrate(settings.database_url)
    except psycopg.Error as error:
        raise SystemExit(f"catalog: migrate users: {error}") from None
