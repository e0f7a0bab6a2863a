"""Postgres as our services use it: a pool that survives a restart, and migrations applied once, in order."""

from __future__ import annotations

import logging
import zlib
from importlib import resources

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

log = logging.getLogger(__name__)


def pool(url: str) -> ConnectionPool:
    """A pool to be opened by who serves; connections that a restarted Postgres dropped are replaced before use."""
    return ConnectionPool(url, min_size=1, max_size=5, timeout=3, open=False, check=ConnectionPool.check_connection)


def trouble(connections: ConnectionPool, *tables: str) -> str:
    """Why one of the tables cannot be read; empty when all can."""
    try:
        with connections.connection(timeout=2) as connection:
            for table in tables:
                connection.execute(f"SELECT FROM {table} LIMIT 1")
    except (psycopg.Error, PoolTimeout) as error:
        return f"database: {error}"
    return ""


def migrate(package: str, url: str) -> list[str]:
    """Apply, in one transaction, what is missing of the package's `migrations/*.sql`; gives the names applied.

    Tables lie in the schema of the package's name. Two at once wait for each other.
    """
    folder = resources.files(package) / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    applied = []
    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (zlib.crc32(package.encode()),))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {package}")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {package}.migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {name for (name,) in connection.execute(f"SELECT name FROM {package}.migrations")}
        for file in files:
            if file.name not in done:
                connection.execute(file.read_text(encoding="utf-8").encode())
                connection.execute(f"INSERT INTO {package}.migrations (name) VALUES (%s)", (file.name,))
                applied.append(file.name)
    return applied


def migrate_or_exit(package: str, url: str) -> None:
    """For `python -m PACKAGE.migrate`: an unreachable database is one line on stderr and exit code 1."""
    try:
        for name in migrate(package, url):
            log.info("migrated %s", name)
    except psycopg.Error as error:
        raise SystemExit(f"{package}: migrate: {error}") from None
