"""Users come into being once, whoever comes first, and never come back from the dead."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from platform_auth import AuthError, PostgresUsers, Profile
from platform_auth.migrate import migrate

ISSUER = "urn:platform:local"


@pytest.fixture
def users(database_url: str) -> Iterator[PostgresUsers]:
    migrate(database_url)
    users = PostgresUsers(database_url)
    yield users
    users.close()


def rows(url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []


def test_migrating_again_and_at_once_changes_nothing(database_url: str) -> None:
    with ThreadPoolExecutor() as threads:
        list(threads.map(migrate, [database_url] * 4))


def test_only_the_first_request_made_the_user(users: PostgresUsers) -> None:
    one = users.ensure(ISSUER, "user_first", Profile("a@example.test", True, "A"))
    two = users.ensure(ISSUER, "user_first", Profile())
    assert (one.created, two.created) == (True, False)
    assert one.id == two.id


def test_two_issuers_have_two_users_even_with_one_email(users: PostgresUsers) -> None:
    profile = Profile("same@example.test", True)
    made = {users.ensure(issuer, "user_same", profile).id for issuer in ("urn:a", "urn:b")}
    made.add(users.ensure("urn:a", "user_other", profile).id)
    assert len(made) == 3


def test_64_at_once_make_one_row(users: PostgresUsers, database_url: str) -> None:
    barrier = Barrier(64)

    def first(_: int) -> str:
        barrier.wait()
        return users.ensure(ISSUER, "user_crowd", Profile()).id

    with ThreadPoolExecutor(64) as threads:
        assert len(set(threads.map(first, range(64)))) == 1
    assert rows(database_url, "SELECT count(*) FROM auth.users WHERE subject = 'user_crowd'") == [(1,)]


def test_32_threads_and_150_users_without_an_error(database_url: str) -> None:
    """Each thread with a store of its own, as so many processes: the cache of one cannot help another."""
    migrate(database_url)
    barrier = Barrier(32)

    def through(_: int) -> list[str]:
        users = PostgresUsers(database_url)
        barrier.wait()
        try:
            return [users.ensure(ISSUER, f"user_storm{number}", Profile()).id for number in range(150)]
        finally:
            users.close()

    with ThreadPoolExecutor(32) as threads:
        seen = list(threads.map(through, range(32)))
    assert len({tuple(ids) for ids in seen}) == 1
    assert rows(database_url, "SELECT count(*) FROM auth.users WHERE subject LIKE 'user_storm%%'") == [(150,)]


def test_deleted_stays_deleted(users: PostgresUsers, database_url: str) -> None:
    user = users.ensure(ISSUER, "user_gone", Profile())
    rows(database_url, "UPDATE auth.users SET status = 'deleted' WHERE id = %s", user.id)
    again = PostgresUsers(database_url)
    assert again.ensure(ISSUER, "user_gone", Profile("new@example.test")).status == "deleted"
    again.set_profile(user.id, Profile("new@example.test"))
    again.close()
    assert rows(database_url, "SELECT email FROM auth.users WHERE id = %s", user.id) == [(None,)]


def test_cache_lasts_30_s_and_begins_after_the_commit(database_url: str) -> None:
    migrate(database_url)
    now = [0.0]
    users = PostgresUsers(database_url, clock=lambda: now[0])
    assert users.cached(ISSUER, "user_cached") is None
    user = users.ensure(ISSUER, "user_cached", Profile())
    assert rows(database_url, "SELECT status FROM auth.users WHERE id = %s", user.id) == [("active",)]
    rows(database_url, "UPDATE auth.users SET status = 'suspended' WHERE id = %s", user.id)
    now[0] = 29.9
    assert users.ensure(ISSUER, "user_cached", Profile()).status == "active"
    now[0] = 30.1
    assert users.cached(ISSUER, "user_cached") is None
    assert users.ensure(ISSUER, "user_cached", Profile()).status == "suspended"
    users.close()


def test_failed_insert_is_not_remembered(users: PostgresUsers) -> None:
    with pytest.raises(AuthError, match="provisioning_unavailable"):
        users.ensure(ISSUER, "user_nul\0", Profile())
    assert users.cached(ISSUER, "user_nul\0") is None


def test_by_id_makes_nobody(users: PostgresUsers) -> None:
    assert users.by_id("00000000-0000-4000-8000-00000000dead") is None


def test_profile_can_come_later(users: PostgresUsers, database_url: str) -> None:
    user = users.ensure(ISSUER, "user_late", Profile())
    users.set_profile(user.id, Profile("late@example.test", True, "Late"))
    found = rows(database_url, "SELECT email, email_verified, display_name FROM auth.users WHERE id = %s", user.id)
    assert found == [("late@example.test", True, "Late")]
