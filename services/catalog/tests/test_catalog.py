"""What the catalog promises."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from catalog.app import create_app
from catalog.settings import Settings
from fastapi.testclient import TestClient
from shopkit.database import migrate
from shopkit.logs import JsonLine


@pytest.fixture
def client(database_url: str):
    migrate("catalog", database_url)
    with TestClient(create_app(Settings(database_url))) as client:
        yield client


def test_migrating_again_and_at_once_applies_nothing(database_url: str) -> None:
    migrate("catalog", database_url)
    with ThreadPoolExecutor() as threads:
        assert list(threads.map(migrate, ["catalog"] * 3, [database_url] * 3)) == [[], [], []]


def test_every_listed_product_can_be_fetched(client: TestClient) -> None:
    products = client.get("/products").json()
    assert products
    for product in products:
        assert client.get(f"/products/{product['id']}").json() == product


def test_unknown_product_is_404(client: TestClient) -> None:
    assert client.get("/products/nothing").status_code == 404


def test_ready_when_the_database_answers(client: TestClient) -> None:
    assert client.get("/readyz").status_code == 200


def test_without_database_it_is_healthy_but_not_ready() -> None:
    with TestClient(create_app(Settings("postgresql://nobody@127.0.0.1:1/none"))) as client:
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
