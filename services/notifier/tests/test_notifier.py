"""What the notifier promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from notifier.app import create_app
from notifier.consumer import handle
from notifier.settings import Settings
from psycopg_pool import ConnectionPool
from shopkit.database import migrate

ORDER = {"id": "7f2c", "product_name": "Desk lamp", "quantity": 2, "status": "placed"}


class Delivered:
    """A message that remembers what was said to it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.answer = data, ""

    def ack(self) -> None:
        self.answer = "ack"

    def nack(self) -> None:
        self.answer = "nack"


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool]:
    migrate("notifier", database_url)
    with ConnectionPool(database_url, min_size=1, timeout=3) as pool:
        pool.wait()
        with pool.connection() as connection:
            connection.execute("TRUNCATE notifier.notifications")
        yield pool


def test_a_message_that_comes_twice_is_one_notification(pool: ConnectionPool, database_url: str) -> None:
    for _ in range(2):
        message = Delivered(json.dumps(ORDER).encode())
        handle(pool, message)
        assert message.answer == "ack"
    with TestClient(create_app(Settings(database_url, "", ""))) as client:
        (only,) = client.get("/notifications").json()
        assert (only["order_id"], only["deliveries"]) == ("7f2c", 2)
        assert client.get("/notifications/7f2c").json() == only
        assert client.get("/notifications/other").status_code == 404
        assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b'{"id": "", "product_name": "x", "quantity": 1}'])
def test_a_message_nobody_can_read_is_dropped_not_repeated(pool: ConnectionPool, data: bytes) -> None:
    message = Delivered(data)
    handle(pool, message)
    assert message.answer == "ack"


def test_without_database_the_message_comes_again() -> None:
    with ConnectionPool("postgresql://nobody@127.0.0.1:1/none", min_size=0, max_size=1, timeout=0.3) as pool:
        message = Delivered(json.dumps(ORDER).encode())
        handle(pool, message)
    assert message.answer == "nack"


def test_without_database_it_is_healthy_but_not_ready() -> None:
    with TestClient(create_app(Settings("postgresql://nobody@127.0.0.1:1/none", "", ""))) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503


def test_it_hears_what_the_emulator_delivers(pool: ConnectionPool, database_url: str) -> None:
    if not os.environ.get("PUBSUB_EMULATOR_HOST"):
        pytest.skip("needs the Pub/Sub emulator: set PUBSUB_EMULATOR_HOST (`./dev test` does)")
    from google.cloud import pubsub_v1

    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    unique = f"test-{os.getpid()}-{time.time_ns()}"
    topic, subscription = publisher.topic_path("test", unique), subscriber.subscription_path("test", unique)
    publisher.create_topic(name=topic)
    subscriber.create_subscription(name=subscription, topic=topic)
    with TestClient(create_app(Settings(database_url, "test", unique))) as client:
        publisher.publish(topic, json.dumps(ORDER).encode()).result(5)
        deadline = time.monotonic() + 10
        while client.get("/notifications/7f2c").status_code == 404 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert client.get("/notifications/7f2c").json()["quantity"] == 2
    subscriber.delete_subscription(subscription=subscription)
    publisher.delete_topic(topic=topic)


@pytest.mark.parametrize("module", ["notifier.main", "notifier.migrate"])
def test_missing_variables_are_one_line_and_exit_1(module: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "NOTIFIER_SUBSCRIPTION")}
    ended = subprocess.run([sys.executable, "-m", module], env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "DATABASE_URL" in ended.stderr
