"""An example of a `.env` file says which file is wanted and which variables are addresses; no value is copied."""

from __future__ import annotations

import pytest

from converge.adoption.readers import env_example
from tests.adoption.given import said

COMPOSE = "services: {db: {image: postgres, ports: ['5433:5432']}, cache: {image: redis, ports: ['6379:6379']}}\n"
EXAMPLE = """
    # the database
    DATABASE_URL=postgresql://u:p@localhost:5433/app
    export REDIS_HOST=localhost
    REDIS_PORT=6379
    STRIPE_KEY=sk_live_4242
    NAME='shop'
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".env.example": EXAMPLE, ".gitignore": ".env\n"}, [
            'env env_file [".env"] @.env.example:1',
            "env DATABASE_URL {db.url}/app @.env.example:2",
            "env REDIS_HOST {cache.host} @.env.example:3",
            "env REDIS_PORT {cache.port} @.env.example:4",
        ]),
        ({"api/.env.sample": "A=1\nDB=postgres://db/x\n", ".gitignore": "*.env\n"}, [
            'services.api env_file [".env"] @api/.env.sample:1',
            "services.api env.DB {db.url}/x @api/.env.sample:2",
        ]),
        ({".env.local.example": "A=1\n", ".gitignore": "/.env*\n"}, [
            'env env_file [".env.local"] @.env.local.example:1']),
        ({".env": "A=mysql://u:hunter2@cache:6379\nDB_HOST=db\nDB_NAME=shop\n"}, [
            'env env_file [".env"] @.env:1',
            "note @.env:1 A is not filled in, as its address has a password; it is the one in .env",
            "env DB_HOST {db.host} @.env:2"]),
        ({".env": "A=1\n"}, ['env env_file [".env"] @.env:1']),
        ({".env.example": "A=1\n", ".env.dist": "A=2\n", ".gitignore": "**/.env\n"}, [
            'env env_file [".env"] @.env.dist:1']),
        ({".env.example": "A=1\n"}, ["note @.env.example:1 git does not ignore .env, so env_file is not set for it"]),
        ({".env.example": "A=1\nB='x\n"}, [
            "note @.env.example:2 it cannot be read as a .env file: its ' is not closed"]),
    ],
)  # fmt: skip
def test_which_file_and_which_addresses(files: dict[str, str], expected: list[str]) -> None:
    found = said(env_example.read, {"compose.yaml": COMPOSE, **files})
    assert found == expected
    assert not [line for line in found if "sk_live" in line or "shop" in line or "hunter2" in line]


def test_a_variable_that_the_compose_file_sets_is_left_to_it() -> None:
    service = "services: {api: {build: ., environment: {DB: 'postgres://db/x'}}, db: {image: postgres}}\n"
    files = {"compose.yaml": service, "a.py": "", ".env.example": "DB=mysql://u:p@db/x\n", ".gitignore": ".env"}
    assert said(env_example.read, files) == ['env env_file [".env"] @.env.example:1']
