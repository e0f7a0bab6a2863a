"""What is away answers with the documented error, and is used again when it is back, without a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import vectors
from conftest import Answer, Issuer, Service, environment
from door import Door
from platform_auth import AuthError, PostgresUsers, User, read
from platform_auth.fastapi import Auth, Identity
from platform_auth.keys import Jwks
from platform_auth.migrate import migrate
from psycopg.conninfo import conninfo_to_dict, make_conninfo

LOCAL = vectors.APPS["local"]
FORGED = (vectors.KID, "ins_forged")
"""Key ids that a fake issuer names: the real one's, and its own."""


def bearer(subject: str = "user_vector", **more: object) -> list[tuple[str, str]]:
    return [("Authorization", "Bearer " + vectors.token(LOCAL, {"claims": {"sub": subject}, **more}))]


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body.get("error", {}).get("code")


def until_200(service: Service, headers: list[tuple[str, str]], seconds: float) -> float:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if service.get("/me", headers).status == 200:
            return time.monotonic() - began
        time.sleep(0.1)
    raise AssertionError(f"no recovery within {seconds} s")


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    parts = conninfo_to_dict(database_url)
    door = Door(str(parts["host"]), int(str(parts["port"])))
    yield door
    door.shut()


@pytest.fixture
def service(database_url: str, door: Door, issuer: Issuer, tmp_path: Path) -> Iterator[Service]:
    migrate(database_url)
    url = make_conninfo(database_url, host="127.0.0.1", port=str(door.port))
    service = Service(environment("local", issuer.url, DATABASE_URL=url), log=tmp_path / "log")
    yield service
    service.stop()
    assert "Traceback" not in service.log.read_text()


def test_64_first_requests_make_one_row(service: Service, database_url: str) -> None:
    headers = bearer("user_rush")
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: service.get("/me", headers), range(64)))
    assert [answer.status for answer in answers] == [200] * 64
    assert len({answer.body["id"] for answer in answers}) == 1
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT count(*) FROM auth.users WHERE subject = 'user_rush'").fetchone()
    assert found == (1,)


def test_deleted_user_is_403(service: Service, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO auth.users (issuer, subject, status) VALUES (%s, 'user_tomb', 'deleted')", (LOCAL.issuer,)
        )
    for _ in range(2):
        assert code(service.get("/me", bearer("user_tomb"))) == (403, "account_disabled")


def test_acting_for_a_user_of_the_database(service: Service) -> None:
    user_id = service.get("/me", bearer("user_absent_minded")).body["id"]
    answer = service.get("/me", [("X-Service-Token", vectors.SERVICE), ("X-On-Behalf-Of", user_id)])
    assert (answer.status, answer.body["id"]) == (200, user_id)
    for nobody in ("x", "' OR 1=1", user_id.upper(), user_id + "0"):
        answer = service.get("/me", [("X-Service-Token", vectors.SERVICE), ("X-On-Behalf-Of", nobody)])
        assert code(answer) == (403, "forbidden")


def test_a_call_to_another_service_carries_who_acts(database_url: str) -> None:
    settings = read(environment("local", "http://127.0.0.1:1"))
    auth = Auth(settings, PostgresUsers(database_url))
    user, ours = User("7", "i", "s", "active"), {"X-Service-Token": vectors.SERVICE}
    assert auth.outgoing(Identity(False, user, None, "Bearer t")) == {**ours, "Authorization": "Bearer t"}
    assert auth.outgoing(Identity(False, user, None)) == auth.outgoing_for("7") == {**ours, "X-On-Behalf-Of": "7"}
    assert auth.outgoing(Identity(True, None, None)) == ours


@pytest.mark.parametrize("way", ["shut", "jam"])
def test_database_away_is_503_and_comes_back(way: str, service: Service, door: Door) -> None:
    known = bearer(f"user_known_{way}")
    assert service.get("/me", known).status == 200
    getattr(door, way)()
    began = time.monotonic()
    answers = [service.get("/me", bearer(f"user_new_{way}{number}")) for number in range(2)]
    assert {code(answer) for answer in answers} == {(503, "provisioning_unavailable")}
    assert {answer.headers["retry-after"] for answer in answers} == {"2"}
    assert time.monotonic() - began < 12
    assert service.get("/me", known).status == 200, "known within 30 s"
    if way == "jam":
        door.shut()
    time.sleep(3)
    door.reopen()
    assert until_200(service, bearer(f"user_new_{way}0"), 8) < 8


def test_table_missing_is_503_until_it_is_made(service: Service, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE auth.users RENAME TO away")
    try:
        assert code(service.get("/me", bearer("user_untabled"))) == (503, "provisioning_unavailable")
    finally:
        with psycopg.connect(database_url) as connection:
            connection.execute("ALTER TABLE auth.away RENAME TO users")
    assert service.get("/me", bearer("user_untabled")).status == 200


def test_issuer_away_is_503_when_cold_and_nothing_when_warm(tmp_path: Path) -> None:
    issuer = Issuer()
    issuer.stop()
    service = Service(environment("local", issuer.url), log=tmp_path / "log")
    try:
        assert code(service.get("/me", bearer())) == (503, "identity_unavailable")
        assert code(service.get("/me", bearer(mangle="two-parts"))) == (401, "token_invalid")
        issuer.start()
        assert until_200(service, bearer(), 5) < 5
        issuer.stop()
        assert service.get("/me", bearer()).status == 200
    finally:
        service.stop()
        issuer.stop()


def test_flood_of_unknown_kids_asks_the_issuer_once(issuer: Issuer, tmp_path: Path) -> None:
    service = Service(environment("local", issuer.url), log=tmp_path / "log")
    try:
        assert service.get("/me", bearer()).status == 200
        asked = issuer.asked
        flood = [bearer(header={"kid": f"ins_{number}"}) for number in range(200)]
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda headers: service.get("/me", headers), flood))
        assert {code(answer) for answer in answers} == {(401, "token_invalid")}
        assert issuer.asked - asked <= 1
    finally:
        service.stop()


@pytest.mark.parametrize("mode", ["local", "test"])
def test_keys_handed_over_are_believed_and_whoever_has_the_issuers_port_is_not(mode: str, tmp_path: Path) -> None:
    fake = Issuer()
    fake.document = json.dumps({"keys": [{**vectors.jwk(vectors.OTHER), "kid": kid} for kid in FORGED]}).encode()
    environ = environment(mode, fake.url, AUTH_LOCAL_ISSUER_KEYS=vectors.jwks().decode())
    service = Service(environ, log=tmp_path / "log")
    try:
        for kid in FORGED:
            forged = bearer(sign={"key": "other"}, header={"kid": kid})
            assert code(service.get("/me", forged)) == (401, "token_invalid")
        assert service.get("/me", bearer()).status == 200
        assert fake.asked == 0
    finally:
        service.stop()
        fake.stop()


def test_clock_off_by_10_s_is_token_invalid_unless_allowed(issuer: Issuer, tmp_path: Path) -> None:
    ahead = bearer(claims={"iat": {"now": 10}, "nbf": {"now": 10}, "exp": {"now": 70}})
    for skew, wanted in (("5", (401, "token_invalid")), ("15", (200, None))):
        service = Service(environment("local", issuer.url, AUTH_CLOCK_SKEW_S=skew), log=tmp_path / skew)
        try:
            assert code(service.get("/me", ahead)) == wanted
        finally:
            service.stop()


class Provider:
    """A JWKS that the test changes, takes away and counts, and a clock that it moves."""

    def __init__(self) -> None:
        self.now, self.asked, self.kids, self.away = 0.0, 0, ["old"], False
        self.keys = Jwks("http://nowhere", self.fetch, lambda: self.now)

    def fetch(self, _: str) -> bytes:
        self.asked += 1
        if self.away:
            raise OSError("away")
        return json.dumps({"keys": [{**vectors.jwk(vectors.RIGHT), "kid": kid} for kid in self.kids]}).encode()

    def code(self, kid: str) -> str | None:
        try:
            self.keys.get(kid)
        except AuthError as error:
            return error.code
        return None


def test_rotated_keys_are_found_within_30_s_and_the_old_ones_end() -> None:
    provider = Provider()
    assert provider.code("old") is None
    provider.kids = ["new"]
    assert provider.code("new") == "token_invalid", "asked less than 30 s ago"
    provider.now = 31
    assert provider.code("new") is None
    assert provider.code("old") == "token_invalid"
    assert provider.asked == 2


def test_keys_are_kept_an_hour_and_an_hour_longer_when_the_provider_is_away() -> None:
    provider = Provider()
    provider.code("old")
    provider.now, provider.away = 3599, True
    assert (provider.code("old"), provider.asked) == (None, 1)
    provider.now = 3601
    assert (provider.code("old"), provider.asked) == (None, 2)
    provider.now = 7199
    assert provider.code("old") is None
    provider.now = 7201
    assert provider.code("old") == "identity_unavailable"
    provider.away = False
    provider.now = 7232
    assert provider.code("old") is None


def test_unknown_kid_while_the_provider_is_away_is_nobodys_fault() -> None:
    provider = Provider()
    provider.code("old")
    provider.now, provider.away = 31, True
    assert provider.code("other") == "identity_unavailable"
    assert provider.code("old") is None


def test_without_any_key_it_asks_again_after_2_s() -> None:
    provider = Provider()
    provider.away = True
    assert [provider.code("old") for _ in range(5)] == ["identity_unavailable"] * 5
    assert provider.asked == 1
    provider.now, provider.away = 2.1, False
    assert provider.code("old") is None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b"\xff",
        b'{"keys": [{"kty": "RSA", "kid": "x", "n": "AQAB", "e": "AQAB"}]}',
        b'{"keys": [{"kty": "oct", "kid": "x", "k": "AA"}]}',
        b'{"keys": {"a": 1}}',
        b'{"keys": 7}',
    ],
)
def test_odd_documents_are_an_outage(document: bytes) -> None:
    keys = Jwks("http://nowhere", lambda _: document)
    with pytest.raises(AuthError, match="identity_unavailable"):
        keys.get("x")
