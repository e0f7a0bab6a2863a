"""`./dev export`: each format is valid, says the same, and has no secret."""

from __future__ import annotations

import json
import tomllib
from itertools import takewhile
from typing import Any

import pytest
import yaml

from tests.conftest import Checkout

STATE = r"""
[tools]
node = "24.19.0"
[env]
MODE = "a \"b\" $c {{db.url}}"
FIXED = { value = "s3cr3t-v4lue-of-ours", secret = true }
MADE = { generate = "token", secret = true }
[infra.db]
kind = "postgres"
image = "postgres:18"
port = 21432
databases = ["shop", "more"]
[infra.cache]
port = 21433
run = "python3 cache.py {port} {data}"
[services.seed]
kind = "command"
dev = "python3 seed.py {cache.address}"
once = true
needs = ["cache"]
[services.api]
kind = "command"
path = "."
dev = "echo $HOME && exec python3 api.py {port}"
port = 21434
needs = ["db", "seed"]
ready = { http = "/healthz" }
env = { DATABASE_URL = "{db.url}/shop", PRICE = "5$" }
"""
READ = {
    "compose": yaml.safe_load,
    "process-compose": yaml.safe_load,
    "mise": tomllib.loads,
    "devcontainer": lambda text: json.loads("".join(x for x in text.splitlines(True) if not x.startswith("//"))),
}


@pytest.fixture
def exported(checkout: Checkout) -> Any:
    checkout.state(STATE)

    def read(name: str) -> tuple[str, Any]:
        ran = checkout.dev("export", name)
        assert ran.code == 0, ran.err
        assert "FIXED: its value is not exported" in ran.out
        clauses = list(takewhile(lambda line: line.startswith(("# ", "// ")), ran.out.splitlines()))[1:]
        assert f"not exported: {len(clauses)}, see its comments" in ran.err
        assert "s3cr3t" not in ran.out and "\0" not in ran.out
        return ran.out, READ[name](ran.out)

    return read


def test_compose(exported: Any) -> None:
    text, found = exported("compose")
    assert found == {
        "name": "story",
        "services": {"db": {
            "image": "postgres:18", "ports": ["127.0.0.1:21432:5432"],
            "environment": {
                "POSTGRES_USER": "dev_services", "POSTGRES_PASSWORD": "${DB_PASSWORD}", "POSTGRES_DB": "shop",
            },
        }},
    }  # fmt: skip
    assert "# api: it has no image" in text


def test_process_compose(exported: Any) -> None:
    _, found = exported("process-compose")
    assert 'MODE=a "b" $$c {db.url}' in found["environment"]
    api = found["processes"]["api"]
    assert api["command"] == "echo $$HOME && exec python3 api.py 21434"
    url = "postgresql://dev_services:${DB_PASSWORD}@127.0.0.1:21432/shop"
    assert {f"DATABASE_URL={url}", "PRICE=5$$", "PORT=21434"} <= set(api["environment"])
    assert api["depends_on"] == {
        "db": {"condition": "process_healthy"}, "seed": {"condition": "process_completed_successfully"}
    }  # fmt: skip
    assert api["readiness_probe"] == {"http_get": {"host": "127.0.0.1", "port": 21434, "path": "/healthz"}}
    assert found["processes"]["cache"]["command"] == "python3 cache.py 21433 ./data/cache"
    assert "-p 127.0.0.1:21432:5432" in found["processes"]["db"]["command"]


def test_mise(exported: Any) -> None:
    _, found = exported("mise")
    assert found["tools"] == {"node": "24.19.0"}
    assert found["env"] == {"MODE": 'a "b" $c {db.url}'}
    api = found["tasks"]["api"]
    assert api["run"] == "echo $HOME && exec python3 api.py 21434" and api["dir"] == "."
    assert api["env"]["DATABASE_URL"] == "postgresql://dev_services:{{env.DB_PASSWORD}}@127.0.0.1:21432/shop"


def test_devcontainer(exported: Any) -> None:
    _, found = exported("devcontainer")
    assert found["forwardPorts"] == [21432, 21433, 21434]
    assert found["containerEnv"]["MADE"] == "${localEnv:MADE}"


def test_an_unknown_format_names_the_known_ones(checkout: Checkout) -> None:
    checkout.state(STATE)
    for words in ([], ["nix"], ["mise", "compose"]):
        ran = checkout.dev("export", *words)
        assert ran.code == 64 and "compose, devcontainer, mise, process-compose" in ran.err


def test_an_image_alone_has_its_own_port_and_what_is_left_out_is_said(checkout: Checkout) -> None:
    checkout.state(
        '[infra.mail]\nimage = "mailpit"\nport = 21435\ncontainer_port = 8025\nvolumes = ["data:/data"]\n'
        '[infra.queue]\nimage = "nats"\nport = 21436\ncontainer_port = 4222\n'
    )
    ran = checkout.dev("export", "compose")
    services = yaml.safe_load(ran.out)["services"]
    assert [each["ports"] for each in services.values()] == [["127.0.0.1:21435:8025"], ["127.0.0.1:21436:4222"]]
    assert "mail: its container has `command` or `volumes`" in ran.out and "queue: its container" not in ran.out
