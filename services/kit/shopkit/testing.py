"""For tests, as a pytest plugin: a database of their own on the server of DATABASE_URL, and callers of every sort."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import platform_auth
import psycopg
import pytest
from platform_auth import migrate
from psycopg.conninfo import make_conninfo

LOOPBACK = ("127.0.0.1", 50000)
"""Where a TestClient calls from, so that test users are believed."""
SECRET, SERVICE_TOKEN = secrets.token_urlsafe(32), "svc_" + secrets.token_urlsafe(32)
ENVIRONMENT = {
    "APP_ENV": "test",
    "AUTH_LOCAL_ISSUER": "http://127.0.0.1:1",
    "SERVICE_AUTH_TOKEN": SERVICE_TOKEN,
    "TEST_AUTH_SECRET": SECRET,
}


def as_user(name: str) -> dict[str, str]:
    """Headers of a test user."""
    return {"X-Test-User": name, "X-Test-Secret": SECRET}


def as_service(user_id: str | None = None) -> dict[str, str]:
    """Headers of another service, and of the user it acts for."""
    behalf = {"X-On-Behalf-Of": user_id} if user_id else {}
    return {"X-Service-Token": SERVICE_TOKEN, **behalf}


@pytest.fixture(scope="session")
def identity() -> platform_auth.Settings:
    """Test mode: users by header, and nobody is asked for keys."""
    return platform_auth.read(ENVIRONMENT, ["pytest"])


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """Its address; it has the users table. Without a server the test is skipped."""
    server = os.environ.get("DATABASE_URL")
    if not server:
        pytest.skip("needs Postgres: set DATABASE_URL (`./dev test` does)")
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            url = make_conninfo(server, dbname=name)
            migrate.migrate(url)
            yield url
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
