"""`python -m notifier.migrate` applies every migration not yet applied, in name order and under one lock."""

from __future__ import annotations

import logging
from importlib import resources

import psycopg

from notifier import logs
from notifier.settings import Settings

SCHEMA = "notifier"
LOCK = 18083  # any number no other service uses for its advisory lock


def migrate(database_url: str) -> list[str]:
    """Apply what is missing in one transaction and return the names applied."""
    folder = resources.files(SCHEMA) / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    applied = []
    with psycopg.connect(database_url, connect_timeout=10) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {SCHEMA}.migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {name for (name,) in connection.execute(f"SELECT name FROM {SCHEMA}.migrations")}
        for file in files:
            if file.name not in done:
                connection.execute(file.read_text(encoding="utf-8").encode())
                connection.execute(f"INSERT INTO {SCHEMA}.migrations (name) VALUES (%s)", (file.name,))
                applied.append(file.name)
    return applied


def main() -> None:
    """Migrate the database of DATABASE_URL; an unreachable one is one line on stderr and exit code 1."""
    settings = Settings.read(names=("DATABASE_URL",))
    logs.configure(settings.log_level)
    try:
        for name in migrate(settings.database_url):
            logging.getLogger(__name__).info("migrated %s", name)
    except psycopg.Error as error:
        raise SystemExit(f"{SCHEMA}: migrate: {error}") from None


if __name__ == "__main__":
    main()
