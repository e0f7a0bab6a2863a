"""For tests, as a pytest plugin: a database of their own on the server of DATABASE_URL, dropped afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """Its address; without a server the test is skipped."""
    server = os.environ.get("DATABASE_URL")
    if not server:
        pytest.skip("needs Postgres: set DATABASE_URL (`./dev test` does)")
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
