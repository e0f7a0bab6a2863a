"""What the notifier promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import platform_auth
import pytest
from fastapi.testclient import TestClient
from notifier.app import create_app
from notifier.consumer import handle
from notifier.orders import Orders
from notifier.settings import Settings
from platform_auth.fastapi import Auth
from psycopg_pool import ConnectionPool
from shopkit.database import migrate
from shopkit.testing import LOOPBACK, SERVICE_TOKEN, as_service, as_user

ORDER = {"id": "7f2c", "product_name": "Desk lamp", "quantity": 2, "status": "placed"}
NOBODY = "00000000-0000-4000-8000-000000000000"


class Delivered:
    """A message that remembers what was said to it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.answer = data, ""

    def ack(self) -> None:
        self.answer = "ack"

    def nack(self) -> None:
        self.answer = "nack"


class OtherServices:
    """Orders as the notifier meets it: knows one user's order, and remembers what it was asked with."""

    def __init__(self) -> None:
        self.owner, self.status, self.asked = NOBODY, 200, []
        face = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                face.asked.append((self.path, self.headers["X-Service-Token"], self.headers["X-On-Behalf-Of"]))
                known = self.headers["X-On-Behalf-Of"] == face.owner
                self.send_response(face.status if known else 404)
                self.end_headers()
                self.wfile.write(b'{"total_cents": 17800, "id": "7f2c"}')

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def others() -> Iterator[OtherServices]:
    made = OtherServices()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def orders(database_url: str, identity: platform_auth.Settings, others: OtherServices) -> Iterator[Orders]:
    users = platform_auth.PostgresUsers(database_url)
    made = Orders(others.url, Auth(identity, users))
    yield made
    made.close()
    users.close()


@pytest.fixture
def ada(database_url: str) -> Iterator[str]:
    """The id of a user who has signed in before."""
    users = platform_auth.PostgresUsers(database_url)
    yield users.ensure("urn:platform:test", "user_test_ada", platform_auth.Profile()).id
    users.close()


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool]:
    migrate("notifier", database_url)
    with ConnectionPool(database_url, min_size=1, timeout=3) as pool:
        pool.wait()
        with pool.connection() as connection:
            connection.execute("TRUNCATE notifier.notifications")
        yield pool


def test_a_message_that_comes_twice_is_one_notification_of_its_user_alone(
    pool: ConnectionPool,
    database_url: str,
    identity: platform_auth.Settings,
    orders: Orders,
    others: OtherServices,
    ada: str,
) -> None:
    others.owner = ada
    for _ in range(2):
        message = Delivered(json.dumps({**ORDER, "user_id": ada}).encode())
        handle(pool, orders, message)
        assert message.answer == "ack"
    assert set(others.asked) == {("/orders/7f2c", SERVICE_TOKEN, ada)}
    with TestClient(create_app(Settings(database_url), identity), client=LOOPBACK) as client:
        (only,) = client.get("/notifications", headers=as_user("ada")).json()
        assert (only["order_id"], only["deliveries"], only["total_cents"]) == ("7f2c", 2, 17800)
        assert client.get("/notifications/7f2c", headers=as_user("ada")).json() == only
        assert client.get("/notifications/7f2c", headers=as_service(ada)).json() == only
        assert client.get("/notifications/other", headers=as_user("ada")).status_code == 404
        assert client.get("/notifications", headers=as_user("bob")).json() == []
        assert client.get("/notifications/7f2c", headers=as_user("bob")).status_code == 404
        assert client.get("/readyz").status_code == 200


def test_an_order_its_user_may_not_see_is_nobodys_notification(
    pool: ConnectionPool, orders: Orders, others: OtherServices, ada: str
) -> None:
    message = Delivered(json.dumps({**ORDER, "user_id": ada}).encode())
    handle(pool, orders, message)
    assert message.answer == "ack" and len(others.asked) == 1
    with pool.connection() as connection:
        assert connection.execute("SELECT count(*) FROM notifier.notifications").fetchone() == (0,)


@pytest.mark.parametrize("status", [401, 500, 503])
def test_while_orders_is_in_trouble_the_message_comes_again(
    pool: ConnectionPool, orders: Orders, others: OtherServices, ada: str, status: int
) -> None:
    others.owner, others.status = ada, status
    message = Delivered(json.dumps({**ORDER, "user_id": ada}).encode())
    handle(pool, orders, message)
    assert message.answer == "nack"


def test_a_message_from_before_there_were_users_is_still_kept(pool: ConnectionPool, orders: Orders) -> None:
    message = Delivered(json.dumps(ORDER).encode())
    handle(pool, orders, message)
    assert message.answer == "ack"
    with pool.connection() as connection:
        assert connection.execute("SELECT user_id FROM notifier.notifications").fetchone() == (None,)


@pytest.mark.parametrize("path", ["/notifications", "/notifications/7f2c"])
def test_who_is_nobody_is_told_to_sign_in(database_url: str, identity: platform_auth.Settings, path: str) -> None:
    migrate("notifier", database_url)
    with TestClient(create_app(Settings(database_url), identity), client=LOOPBACK) as client:
        for headers in ({}, as_service()):
            answer = client.get(path, headers=headers)
            assert answer.status_code == 401 and answer.json()["error"]["code"] == "auth_required"


@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b'{"id": "", "product_name": "x", "quantity": 1}'])
def test_a_message_nobody_can_read_is_dropped_not_repeated(pool: ConnectionPool, orders: Orders, data: bytes) -> None:
    message = Delivered(data)
    handle(pool, orders, message)
    assert message.answer == "ack"


def test_without_database_the_message_comes_again(identity: platform_auth.Settings, others: OtherServices) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    orders = Orders(others.url, Auth(identity, platform_auth.PostgresUsers(nowhere)))
    with ConnectionPool(nowhere, min_size=0, max_size=1, timeout=0.3) as pool:
        message = Delivered(json.dumps(ORDER).encode())
        handle(pool, orders, message)
    assert message.answer == "nack"


def test_without_database_it_is_healthy_but_not_ready(identity: platform_auth.Settings) -> None:
    with TestClient(create_app(Settings("postgresql://nobody@127.0.0.1:1/none"), identity)) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503


def test_it_hears_what_the_emulator_delivers(
    pool: ConnectionPool, database_url: str, identity: platform_auth.Settings, others: OtherServices, ada: str
) -> None:
    if not os.environ.get("PUBSUB_EMULATOR_HOST"):
        pytest.skip("needs the Pub/Sub emulator: set PUBSUB_EMULATOR_HOST (`./dev test` does)")
    from google.cloud import pubsub_v1

    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    unique = f"test-{os.getpid()}-{time.time_ns()}"
    topic, subscription = publisher.topic_path("test", unique), subscriber.subscription_path("test", unique)
    publisher.create_topic(name=topic)
    subscriber.create_subscription(name=subscription, topic=topic)
    others.owner = ada
    settings = Settings(database_url, "test", unique, others.url)
    with TestClient(create_app(settings, identity), client=LOOPBACK, headers=as_user("ada")) as client:
        publisher.publish(topic, json.dumps({**ORDER, "user_id": ada}).encode()).result(30)
        deadline = time.monotonic() + 60
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
