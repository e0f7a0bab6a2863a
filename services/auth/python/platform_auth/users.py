"""The users table, filled just in time: a row comes with a user's first request, and no request waits for a profile."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import psycopg
from psycopg_pool import ConnectionPool

from platform_auth.errors import AuthError

CACHE_S, CACHE_SIZE = 30.0, 10_000
TABLE = re.compile(r"[a-z_]+(\.[a-z_]+)?", re.ASCII)


@dataclass(frozen=True)
class User:
    """One row, as far as a request needs it; `created` is true for the one request that made it."""

    id: str
    issuer: str
    subject: str
    status: str
    created: bool = False


@dataclass(frozen=True)
class Profile:
    """What a provider tells about a user; shown, never used to find one."""

    email: str | None = None
    email_verified: bool = False
    display_name: str | None = None


class Users(Protocol):
    """Where users are kept."""

    def cached(self, issuer: str, subject: str) -> User | None:
        """A user seen within 30 s; never waits."""

    def ensure(self, issuer: str, subject: str, profile: Profile) -> User:
        """The user, made if new. Raises AuthError provisioning_unavailable."""

    def by_id(self, user_id: str) -> User | None:
        """The user of an id; none is made. Raises AuthError provisioning_unavailable."""


class PostgresUsers:
    """Users in Postgres, by autocommit connections of their own: inside a caller's transaction the steps would fail."""

    def __init__(self, url: str, table: str = "auth.users", clock: Callable[[], float] = time.monotonic) -> None:
        if not TABLE.fullmatch(table):
            raise ValueError(f"no table name: {table}")
        self._select = f"SELECT id::text, issuer, subject, status FROM {table} "
        self._insert = (
            f"INSERT INTO {table} (issuer, subject, email, email_verified, display_name) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (issuer, subject) DO NOTHING RETURNING id::text, issuer, subject, status"
        )
        self._profile = (
            f"UPDATE {table} SET email = %s, email_verified = %s, display_name = %s, updated_at = now()"
            " WHERE id = %s AND status <> 'deleted'"
        )
        self._pool = ConnectionPool(  # its pauses double: without an early end, a minute away becomes two
            url,
            kwargs={"autocommit": True, "connect_timeout": 2, "tcp_user_timeout": 5000},
            min_size=0,
            max_size=4,
            timeout=4,
            reconnect_timeout=2,
            check=ConnectionPool.check_connection,
            open=False,
        )
        self._clock, self._lock = clock, threading.Lock()
        self._cache: dict[tuple[str, str], tuple[User, float]] = {}

    def cached(self, issuer: str, subject: str) -> User | None:
        """A user seen within 30 s; never waits."""
        found = self._cache.get((issuer, subject))
        return found[0] if found and self._clock() < found[1] else None

    def ensure(self, issuer: str, subject: str, profile: Profile) -> User:
        """The user, made if new: SELECT, INSERT … DO NOTHING, SELECT; every other order loses a race (AUTH.md)."""
        if user := self.cached(issuer, subject):
            return user
        where, key = self._select + "WHERE issuer = %s AND subject = %s", (issuer, subject)
        values = (*key, profile.email, profile.email_verified, profile.display_name)
        user = None
        with _connection(self._pool) as connection:
            if row := connection.execute(where, key).fetchone():
                user = User(*row)
            elif row := connection.execute(self._insert, values).fetchone():
                user = replace(User(*row), created=True)
            elif row := connection.execute(where, key).fetchone():
                user = User(*row)
        if user is None:
            raise AuthError("provisioning_unavailable", "the row went away")
        self._remember(user)
        return user

    def by_id(self, user_id: str) -> User | None:
        """The user of an id; none is made. Raises AuthError provisioning_unavailable."""
        with _connection(self._pool) as connection:
            row = connection.execute(self._select + "WHERE id = %s::text::uuid", (user_id,)).fetchone()
        return User(*row) if row else None

    def set_profile(self, user_id: str, profile: Profile) -> None:
        """For a webhook or a job in the background. Raises AuthError provisioning_unavailable."""
        values = (profile.email, profile.email_verified, profile.display_name, user_id)
        with _connection(self._pool) as connection:
            connection.execute(self._profile, values)

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def _remember(self, user: User) -> None:
        """Only what is committed comes here; `created` is for one request alone."""
        kept = replace(user, created=False)
        with self._lock:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[user.issuer, user.subject] = (kept, self._clock() + CACHE_S)


@contextmanager
def _connection(pool: ConnectionPool) -> Iterator[psycopg.Connection]:
    """A connection of the pool; whatever the database or the pool raises becomes provisioning_unavailable."""
    try:
        pool.open()
        with pool.connection() as connection:
            yield connection
    except psycopg.Error as error:  # the pool's own errors are among them
        raise AuthError("provisioning_unavailable", f"{type(error).__name__}: {error}") from error
