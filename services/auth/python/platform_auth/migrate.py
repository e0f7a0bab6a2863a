"""`python -m platform_auth.migrate` makes the users table in the database of DATABASE_URL; again changes nothing."""

from __future__ import annotations

import os
from importlib import resources

import psycopg

from platform_auth import secret_files
from platform_auth.errors import Refused


def migrate(url: str) -> None:
    """Apply every file in name order, in one transaction; two at once wait for each other. Raises psycopg.Error."""
    folder = resources.files("platform_auth") / "migrations"
    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('platform_auth'))")
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".sql"):
                connection.execute(file.read_text(encoding="utf-8").encode())


if __name__ == "__main__":
    try:
        migrate(secret_files.resolved(os.environ, ["DATABASE_URL"])["DATABASE_URL"])
    except Refused as refused:
        raise SystemExit(f"platform_auth: {refused}") from None
    except KeyError:
        raise SystemExit("platform_auth: missing environment variable: DATABASE_URL") from None
    except psycopg.Error as error:
        raise SystemExit(f"platform_auth: migrate: {error}") from None
