"""What the catalog promises."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import platform_auth
import psycopg
import pytest
from catalog.app import create_app
from catalog.settings import Settings
from fastapi.testclient import TestClient
from shopkit.database import migrate
from shopkit.logs import JsonLine
from shopkit.testing import LOOPBACK, as_service, as_user


@pytest.fixture
def client(database_url: str, identity: platform_auth.Settings) -> Iterator[TestClient]:
    migrate("catalog", database_url)
    with TestClient(create_app(Settings(database_url), identity), client=LOOPBACK) as client:
        yield client


def test_migrating_again_and_at_once_applies_nothing(database_url: str) -> None:
    migrate("catalog", database_url)
    with ThreadPoolExecutor() as threads:
        assert list(threads.map(migrate, ["catalog"] * 3, [database_url] * 3)) == [[], [], []]


def test_every_listed_product_can_be_fetched(client: TestClient) -> None:
    products = client.get("/products", headers=as_user("ada")).json()
    assert products
    for product in products:
        assert client.get(f"/products/{product['id']}", headers=as_service()).json() == product


def test_unknown_product_is_404(client: TestClient) -> None:
    assert client.get("/products/nothing", headers=as_service()).status_code == 404


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/products", {}, 401, "auth_required"),
        ("/products", as_service(), 401, "auth_required"),
        ("/products", {"Authorization": "Bearer nonsense"}, 401, "token_invalid"),
        ("/products", {**as_user("ada"), "X-Test-Secret": "guessed"}, 401, "auth_required"),
        ("/products/desk-lamp", {}, 401, "auth_required"),
        ("/products/desk-lamp", as_user("ada"), 403, "forbidden"),
        ("/products/desk-lamp", {"X-Service-Token": "svc_guessed"}, 401, "service_token_invalid"),
    ],
)
def test_who_may_not_ask_is_told_so(
    client: TestClient, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status and answer.json()["error"]["code"] == code
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_ready_when_the_database_answers(client: TestClient) -> None:
    assert client.get("/readyz").status_code == 200


def test_without_database_it_is_healthy_but_not_ready(identity: platform_auth.Settings) -> None:
    with TestClient(create_app(Settings("postgresql://nobody@127.0.0.1:1/none"), identity)) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize("module", ["catalog.main", "catalog.migrate"])
def test_missing_variable_is_one_line_and_exit_1(module: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    ended = subprocess.run([sys.executable, "-m", module], env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == ["catalog: missing environment variable: DATABASE_URL"]


def test_log_line_is_one_json_object() -> None:
    record = logging.LogRecord("shop", logging.INFO, "", 0, "two\nlines %s", ("é",), None)
    assert json.loads(JsonLine("catalog").format(record))["msg"] == "two\nlines é"


def test_log_line_says_why_a_caller_was_refused() -> None:
    record = logging.makeLogRecord({"msg": "auth refused", "auth_code": "token_invalid", "auth_reason": "kid"})
    line = json.loads(JsonLine("catalog").format(record))
    assert (line["auth_code"], line["auth_reason"]) == ("token_invalid", "kid")


def test_the_users_table_comes_with_its_migration(database_url: str) -> None:
    environment = {**os.environ, "DATABASE_URL": database_url}
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP SCHEMA auth CASCADE")
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "catalog.migrate"], env=environment, check=True)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM auth.users").fetchone() == (0,)


@pytest.mark.parametrize("environment", [{}, {"APP_ENV": "staging"}, {"APP_ENV": "test"}])
def test_an_environment_without_identities_is_one_line_and_exit_78(environment: dict[str, str]) -> None:
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    argv = [sys.executable, "-m", "catalog.main"]
    ended = subprocess.run(argv, env={**clean, "DATABASE_URL": "x", **environment}, capture_output=True, text=True)
    assert ended.returncode == 78 and len(ended.stderr.splitlines()) == 1, ended.stderr
