"""Addresses in variables become templates, and only where they name a component of the repository."""

from __future__ import annotations

import pytest

from converge.adoption.addresses import Addresses, Part

DB = Part("db", "postgres", inside={5432: ""}, outside={5433: ""})
CACHE = Part("cache", "redis", inside={6379: ""}, outside={6379: ""})
QUEUE = Part("queue", "", inside={5672: "", 15672: "management"})
API = Part("api", "", True, inside={8000: "", 50051: "grpc"}, outside={8001: "", 50051: "grpc"})
KNOWN = Addresses({"db": DB, "shop-db": DB, "cache": CACHE, "queue": QUEUE, "api": API})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DATABASE_URL", "postgresql://u:p@db:5432/app", "{db.url}/app"),
        ("DATABASE_URL", "postgres://u:p@w@shop-db/app?sslmode=disable", "{db.url}/app?sslmode=disable"),
        ("DATABASE_URL", "postgresql+psycopg2://u@db/app", "{db.url:postgresql+psycopg2}/app"),
        ("DATABASE_URL", "postgresql://u:p@localhost:5433/app", "{db.url}/app"),
        ("SPRING_URL", "jdbc:postgresql://db:5432/app", "jdbc:postgresql://{db.address}/app"),
        ("REDIS_URL", "redis://:pw@cache:6379/1", "{cache.url}/1"),
        ("BROKER", "amqp://guest:guest@queue:5672//", "amqp://guest:guest@{queue.address}//"),
        ("UI", "http://queue:15672", "http://{queue.management_address}"),
        ("API", "http://api:8000/v1", "{api.url}/v1"),
        ("API", "http://api", "{api.url}"),
        ("API", "https://api:8000", "https://{api.address}"),
        ("WS", "ws://api:8000/ws", "ws://{api.address}/ws"),
        ("GRPC", "api:50051", "{api.grpc_address}"),
        ("GRPC", "http://api:50051", "{api.grpc_url}"),
        ("ORIGINS", '["http://localhost:8001","http://localhost:3000"]', '["http://localhost:{api.port}","http://localhost:3000"]'),
        ("GRPC", "http://localhost:50051", "http://localhost:{api.grpc_port}"),
        ("SERVERS", "cache:6379,db:5432", "{cache.address},{db.address}"),
        ("DB_HOST", "db", "{db.host}"),
        ("PGHOST", " shop-db ", "{db.host}"),
        ("POSTGRES_DB", "db", None),
        ("CACHE_BACKEND", "cache", None),
        ("SITE", "https://example.com:8000/db", None),
        ("IMAGE", "registry/db:5432", None),
        ("URL", "postgresql://u:p@other:5432/app", None),
        ("FORMAT", "{name} {{name}} ${name}", None),
    ],
)  # fmt: skip
def test_one_value(name: str, value: str, expected: str | None) -> None:
    found = KNOWN.variables({name: value})
    assert (found[name].text if name in found else None) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"A": "postgresql://u@db/shop?x=1"}, ("db", "shop")),
        ({"A": "postgres+asyncpg://u@db:5432/shop_test"}, ("db", "shop_test")),
        ({"DB_HOST": "db", "DB_NAME": "shop"}, ("db", "shop")),
        ({"A": "redis://cache:6379/1"}, None),
        ({"A": "postgresql://u@db"}, None),
    ],
)
def test_databases_are_known_by_their_addresses(given: dict[str, str], expected: tuple[str, str] | None) -> None:
    found = [each for filled in KNOWN.variables(given).values() for each in filled.databases]
    assert found == ([expected] if expected else [])


def test_a_port_without_a_template_is_a_number() -> None:
    mail = Part("mail", "", False, {1025: "", 8025: "ui"}, {1025: "", 18025: "ui"}, ports=False)
    given = {"UI": "http://mail:8025", "SMTP_HOST": "mail", "SMTP_PORT": "1025"}
    assert {name: filled.text for name, filled in Addresses({"mail": mail}).variables(given).items()} == {
        "UI": "http://127.0.0.1:18025", "SMTP_HOST": "{mail.host}", "SMTP_PORT": "{mail.port}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"DB_HOST": "db", "DB_PORT": "5432", "DB_USER": "u", "DB_PASSWORD": "p", "DB_NAME": "n", "DB_POOL": "5"},
            {"DB_HOST": "{db.host}", "DB_PORT": "{db.port}", "DB_USER": "{db.user}", "DB_PASSWORD": "{db.password}",
             "DB_NAME": "n"},
        ),
        (
            {"PGHOST": "db", "PGPORT": "5432", "PGUSER": "u", "PGDATABASE": "n"},
            {"PGHOST": "{db.host}", "PGPORT": "{db.port}", "PGUSER": "{db.user}", "PGDATABASE": "n"},
        ),
        ({"REDIS_HOST": "cache", "REDIS_PORT": "6379", "REDIS_DB": "0"},
         {"REDIS_HOST": "{cache.host}", "REDIS_PORT": "{cache.port}"}),
        ({"Q_HOST": "queue", "Q_PORT": "15672"}, {"Q_HOST": "{queue.host}", "Q_PORT": "{queue.management_port}"}),
        ({"DB_HOST": "localhost", "DB_PORT": "5433"}, {"DB_HOST": "{db.host}", "DB_PORT": "{db.port}"}),
        ({"DB_HOST": "localhost", "DB_PORT": "1"}, {}),
        ({"HOST": "localhost", "PORT": "5433"}, {}),
    ],
)  # fmt: skip
def test_the_variables_beside_a_host(given: dict[str, str], expected: dict[str, str]) -> None:
    assert {name: filled.text for name, filled in KNOWN.variables(given).items()} == expected
