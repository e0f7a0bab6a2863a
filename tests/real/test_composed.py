"""A team's Compose file as it is, on a real engine: its meaning stays, and nothing of it is open to a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import NO_ENGINE, TOOL, Checkout
from tests.real.rig import Rig
from tests.real.test_placements import project, started

TEAM = """\
name: legacy
services:
  db:
    image: postgres:18
    container_name: legacy-db
    environment:
      POSTGRES_USER: shop
      POSTGRES_PASSWORD: ${DB_PASSWORD:?}
      POSTGRES_DB: orders
      app.mode: a$$b
    ports: ["${DB_PORT}:5432"]
    volumes: ["data:/var/lib/postgresql", "./sql:/docker-entrypoint-initdb.d:ro"]
    healthcheck: {test: [CMD-SHELL, 'pg_isready -h 127.0.0.1 -U "$$POSTGRES_USER"'], retries: 20}
    networks: {back: {aliases: [database]}}
  web_files:
    image: python:3.11-slim-bookworm
    command: sh -c 'test -e /tmp/well || { touch /tmp/well; sleep 1; }; exec python3 -m http.server $$PORT -d /srv'
    environment: {PORT: 8000}
    env_file: .env.web
    ports: [{target: 8000, published: "${WEB_PORT}"}, "0.0.0.0:${MORE_PORT}:9000"]
    volumes: ["./www:/srv:ro"]
    depends_on: {db: {condition: service_healthy}, api: {condition: service_started}}
    healthcheck: {test: [CMD, test, -e, /tmp/well]}
    networks: [back]
  api: {build: ., ports: ["80:80"]}
networks: {back: {}}
volumes: {data: {name: legacy-data}}
"""
STATE = """[docker]
[compose]
file = "docker-compose.yml"
[services.asker]
kind = "command"
dev = "exec sleep 600"
needs = ["db"]
env = { DATABASE_URL = "{db.url}/orders", FILES = "{web-files.url}" }
"""
QUERY = ["psql", "-XAtq", "-U", "shop", "-d", "orders", "-c"]


@pytest.fixture
def team(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> Iterator[Checkout]:
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    checkout.write("docker-compose.yml", TEAM)
    checkout.write("sql/1.sql", "CREATE TABLE made (n int); INSERT INTO made VALUES (7);")
    checkout.write("www/index.html", "hello")
    checkout.write(".env.web", "GREETING=${DB_PASSWORD} {x} 'y'\n")
    ports = f"DB_PORT={free_port()}\nWEB_PORT={free_port()}\nMORE_PORT={free_port()}\n"
    checkout.write(".env", f'DB_PASSWORD="it\'s {{x}} $$5"\n{ports}')
    checkout.state(STATE)
    yield checkout
    checkout.dev("clean", "--force")
    left = rig.docker("volume", "ls", "-q", "--filter", f"label=dev.checkout={checkout.path}").stdout
    assert left == "", "clean left a volume"


def about(rig: Rig, box: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rig.docker("inspect", box).stdout)[0]
    return found


def test_its_services_run_as_the_file_says(team: Checkout, rig: Rig) -> None:
    said = started(team.dev("start"))
    assert said.err.index("db") < said.err.index("web-files")
    shown = team.components()
    assert {name: (each["state"], each["placement"]) for name, each in shown.items() if name != "asker"} == {
        "db": ("ready", "docker"), "web-files": ("ready", "docker"),
    }  # fmt: skip
    db, web = (about(rig, f"{project(team)}-{name}-1") for name in ("db", "web-files"))
    assert db["State"]["Health"]["Status"] == web["State"]["Health"]["Status"] == "healthy"
    for box in (db, web):
        addresses = [each for group in box["NetworkSettings"]["Ports"].values() for each in group or ()]
        assert {each["HostIp"] for each in addresses} == {"127.0.0.1"}
    assert {"POSTGRES_PASSWORD=it's {x} $5", "app.mode=a$b"} <= set(db["Config"]["Env"])
    assert {"GREETING=it's {x} $5 {x} 'y'", "PORT=8000"} <= set(web["Config"]["Env"])
    assert f"{web['NetworkSettings']['Ports']['9000/tcp'][0]['HostPort']}" in (team.path / ".env").read_text()
    assert rig.docker("exec", db["Id"], *QUERY, "SELECT n FROM made").stdout.strip() == "7"
    asked = "import urllib.request as u; print(u.urlopen('http://web_files:8000').read())"
    assert "hello" in rig.docker("exec", web["Id"], "python3", "-c", asked).stdout
    looked = "import socket; print(socket.gethostbyname('database') == socket.gethostbyname('db'))"
    assert rig.docker("exec", web["Id"], "python3", "-c", looked).stdout.strip() == "True"
    assert f"postgresql://shop:********@127.0.0.1:{shown['db']['port']}/orders" in team.dev("env", "asker").out
    assert "ready already" in started(team.dev("start")).err

    (team.path / ".env.web").write_text("GREETING=new\n")
    assert "ready in Docker" in started(team.dev("start", "web-files")).err
    assert "GREETING=new" in about(rig, f"{project(team)}-web-files-1")["Config"]["Env"]
    assert rig.docker("exec", db["Id"], *QUERY, "SELECT n FROM made").stdout.strip() == "7"
    started(team.dev("stop"))
    refused = team.dev("start", env={"DOCKER_HOST": NO_ENGINE})
    assert refused.code == 3 and "db" in refused.err and "itself failed" not in refused.err
