"""`{db.user}`, `{db.password}`, `{db.database}` and `{db.url:SCHEME}`: what they stand for, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.exporting import model
from converge import schema
from converge.derived import services_password
from converge.errors import DevError
from converge.instance import Instance
from runtime.docker import secrets
from runtime.environment import of_component, toolbox
from runtime.platform import Platform
from tests.conftest import HEAD

DB = "[infra.db]\nkind = 'postgres'\nport = 20001\ndatabases = ['shop']\n"
KV = "[infra.kv]\nport = 20003\nrun = 'kv'\n[infra.redis]\nport = 20004\n"
A = "[services.a]\nkind = 'command'\ndev = 'true'\nport = 20002\nports = { grpc = 20005 }\n"
WORD = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    found = Instance(tmp_path, "story")
    secret = found.state / "secrets" / "db"
    secret.parent.mkdir(parents=True)
    secret.write_text(WORD)
    return found


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{db.user}:{db.password}@{db.host}:{db.port}/{db.database}", "dev_services:PW@127.0.0.1:20001/shop"),
        ("{db.url:postgresql+asyncpg}/{db.database}", "postgresql+asyncpg://dev_services:PW@127.0.0.1:20001/shop"),
        ("{redis.url:rediss}/0 {kv.url:amqp}", "rediss://127.0.0.1:20004/0 amqp://127.0.0.1:20003"),
        ("{a.url:ws}/x {a.grpc_url:h2c}", "ws://127.0.0.1:20002/x h2c://127.0.0.1:20005"),
        ("{{db.url:x}} {{db.user}} {x.y:%H} {log.level:s}", "{db.url:x} {db.user} {x.y:%H} {log.level:s}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["a service", "[env]"])
def test_parts_of_an_address_are_filled_in(where: str, text: str, filled: str, instance: Instance) -> None:
    env = f"env = {{ VALUE = '{text}' }}\n" if where == "a service" else f"[env]\nVALUE = '{text}'\n"
    platform = Platform(schema.parse((HEAD + DB + KV + A + env).encode()), instance)
    wanted = filled.replace("PW", services_password(WORD))
    assert of_component(platform, platform.components["a"])["VALUE"] == wanted
    boxed = of_component(platform, platform.components["a"], "docker")["VALUE"]
    assert boxed.replace("db:", "127.0.0.1:") == wanted if "db." in text and "@" in wanted else boxed
    if where == "[env]":
        assert toolbox(platform)["VALUE"] == wanted


@pytest.mark.parametrize(
    ("entries", "text", "code", "words"),
    [
        (KV, "{kv.password}", "bad-template", "kv is of kind command, which has no password"),
        (KV, "{redis.user}", "bad-template", "redis is of kind redis, which has no user"),
        (DB, "{a.database}", "bad-template", "a is a service, which has no database"),
        (DB, "{db.pasword}", "bad-template", "{db.password}"),
        (DB.replace("['shop']", "[]"), "{db.database}", "bad-template", "no database of db is declared"),
        (DB.replace("shop'", "shop', 'mail'"), "{db.database}", "bad-template", "several databases: shop, mail"),
        (DB, "{db.url:Postgres}", "bad-template", "'Postgres' is not a scheme"),
        (DB, "{db.url:}", "bad-template", "'' is not a scheme"),
        (DB, "{db.url:postgresql://}", "bad-template", "not a scheme"),
        (DB, "{db.host:5432}", "bad-template", "a host has no scheme"),
        (DB, "{bd.url:x}", "needs-unknown", "{db.url}"),
    ],
)
def test_what_a_component_does_not_have_is_refused_with_its_line(
    entries: str, text: str, code: str, words: str
) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse(f"{HEAD}{entries}{A}env = {{ X = '{text}' }}\n".encode())
    problem = caught.value
    line = len(f"{HEAD}{entries}{A}".splitlines()) + 1
    assert (problem.code, problem.source) == (code, f"desired_state.toml:{line}"), problem
    assert words in f"{problem.because} {problem.hint}", problem


def test_a_password_is_secret_in_a_container_and_asked_for_in_an_export(instance: Instance) -> None:
    env = "env = { DB_PASSWORD = '{db.password}', SOME_DSN = '{db.url:postgresql+asyncpg}/x', DB_USER = '{db.user}' }\n"
    platform = Platform(schema.parse((HEAD + DB + A + env).encode()), instance)
    found = of_component(platform, platform.components["a"], "docker")
    assert secrets.secret(platform, found) == {"DB_PASSWORD", "SOME_DSN"}
    (entry,) = (each for each in model.of_platform(platform).entries if each.is_service)
    assert model.asked(entry.env["DB_PASSWORD"]) == "${DB_PASSWORD}"
    assert model.asked(entry.env["SOME_DSN"]) == ("postgresql+asyncpg://dev_services:${DB_PASSWORD}@127.0.0.1:20001/x")
    assert services_password(WORD) not in repr(entry)
