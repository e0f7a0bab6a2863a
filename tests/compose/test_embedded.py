"""Without a Docker engine an embedded one replaces a service of a team's file, with its user, password and database."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from runtime.infra import wire
from tests.conftest import Checkout

TEAM = """\
services:
  db:
    image: pgvector/pgvector:pg18
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD_FILE: /run/secrets/word, POSTGRES_DB: orders}
    ports: ["${DB_PORT}:5432"]
    command: postgres -c max_connections=50
    secrets: [word]
  cache:
    image: redis:8-alpine
    command: redis-server --appendonly yes
    ports: ["${CACHE_PORT}:6379"]
  mail: {image: axllent/mailpit, ports: ["${MAIL_PORT}:8025"], profiles: [mail]}
  odd: {image: redis/redis-stack, ports: ["${ODD_PORT}:6379"], profiles: [mail]}
secrets: {word: {file: word.txt}}
"""
STATE = """[compose]
file = "docker-compose.yml"
%s
[infra.db]
databases = ["more"]
extensions = ["vector"]
[services.asker]
kind = "command"
dev = "exec sleep 600"
needs = ["db"]
env = { DATABASE_URL = "{db.url:postgresql+x}/orders", WHO = "{db.user}", CACHE_URL = "{cache.url}" }
"""


@pytest.fixture
def team(checkout: Checkout, free_port: Callable[[], int]) -> Checkout:
    checkout.write("docker-compose.yml", TEAM)
    checkout.write("word.txt", "p@ss'{x}\n")
    names = ("DB", "CACHE", "MAIL", "ODD")
    checkout.write(".env", "".join(f"{name}_PORT={free_port()}\n" for name in names))
    checkout.state(STATE % "")
    return checkout


def test_the_url_of_the_service_works(team: Checkout) -> None:
    names = ["db", "asker", *(["cache"] if shutil.which("redis-server") else [])]
    ran = team.dev("start", *names)
    assert ran.code == 0, ran.err
    shown = team.components()
    assert {(shown[name]["state"], shown[name]["placement"]) for name in names} == {("ready", "native")}
    for database in ("orders", "more"):
        with wire.Connection(shown["db"]["port"], "p@ss'{x}", database, "shop", timeout=60, path="public") as found:
            assert found.query("SELECT extname FROM pg_extension WHERE extname = 'vector'") == [("vector",)]
            owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
            assert found.query(owner) == [("shop",)]
            assert found.query("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'") == [("shop",)]
    said = team.dev("env", "asker").out
    assert f"postgresql+x://shop:********@127.0.0.1:{shown['db']['port']}/orders" in said
    assert "WHO=shop" in said
    assert f"CACHE_URL=redis://127.0.0.1:{shown['cache']['port']}" in said and "p@ss" not in said
    assert "p@ss" not in team.dev("env", "db").out
    doctor = team.dev("doctor", "--json")
    assert doctor.code == 0 and "p@ss" not in doctor.out, doctor.out
    assert "ready already" in team.dev("start", *names).err


def test_one_error_names_all_that_cannot_run(team: Checkout) -> None:
    team.state(STATE % 'profiles = ["mail"]')
    ran = team.dev("start", "--no-fix")
    assert ran.code == 3 and "mail, odd cannot run without Docker" in ran.err
    assert "mail: it is the image axllent/mailpit" in ran.err and "odd: redis/redis-stack has more" in ran.err


def test_doctor_says_what_is_left_out_and_status_follows_the_file(team: Checkout) -> None:
    ran = team.dev("doctor")
    assert "services.mail" in ran.out and "none of its profiles" in ran.out and "docker-compose.yml:12" in ran.out
    before = team.components()["db"]["port"]
    team.write(".env", (team.path / ".env").read_text().replace(f"DB_PORT={before}", f"DB_PORT={before + 1}"))
    assert team.components()["db"]["port"] == before + 1
    team.write("docker-compose.yml", "services: [")
    broken = team.dev("status")
    assert broken.code == 65 and "docker-compose.yml:1" in broken.err
