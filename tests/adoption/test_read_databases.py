"""Migrations become `migrate` of the service in their directory, and extensions those of the one Postgres."""

from __future__ import annotations

import pytest

from converge.adoption.readers import extensions, migrations
from tests.adoption.given import said

PRISMA = 'generator c {\n provider = "prisma-client-js"\n}\ndatasource db {\n provider = "postgresql"\n}\n'
RUN = "if the service does not run them itself, add its command as `migrate`"
UUID = '-- x\nCREATE EXTENSION IF NOT EXISTS "uuid-ossp";\ncreate extension vector;'
PG = "services: {db: {image: 'pgvector/pgvector:pg17'}}\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"api/alembic.ini": "[alembic]\nscript_location = a\n"}, [
            "services.api migrate alembic upgrade head @api/alembic.ini:2"]),
        ({"pyproject.toml": "[project]\n[tool.alembic]\n"}, [
            "services.. migrate alembic upgrade head @pyproject.toml:2"]),
        ({"web/migrations/alembic.ini": "", "web/migrations/env.py": "current_app.extensions"}, [
            "services.web migrate flask db upgrade @web/migrations/alembic.ini:1"]),
        ({"manage.py": "import os\nDJANGO_SETTINGS_MODULE = 1\n"}, [
            "services.. migrate python manage.py migrate --noinput @manage.py:2"]),
        ({"manage.py": "from app import cli\n"}, []),
        ({"web/prisma/schema.prisma": PRISMA, "web/prisma/migrations/1/migration.sql": ""}, [
            "services.web migrate npx --no -- prisma migrate deploy @web/prisma/schema.prisma:4"]),
        ({"db/prisma/s/schema.prisma": PRISMA}, [
            "services.db migrate npx --no -- prisma db push --schema prisma/s @db/prisma/s/schema.prisma:4 ?"]),
        ({"schema.prisma": PRISMA.replace("postgresql", "mongodb")}, []),
        ({"drizzle.config.ts": "export default { out: './sql' }", "sql/0.sql": ""}, [
            "services.. migrate npx --no -- drizzle-kit migrate @drizzle.config.ts:1"]),
        ({"api/knexfile.ts": ""}, ["services.api migrate npx --no -- knex migrate:latest @api/knexfile.ts:1"]),
        ({"db/1_a.up.sql": "", "db/1_a.down.sql": "", "g/1.sql": "-- +goose Up\n", "m/1.sql": "-- migrate:up\n"}, [
            f"note @db/1_a.up.sql:1 migrations of golang-migrate: {RUN}", f"note @g/1.sql:1 migrations of goose: {RUN}",
            f"note @m/1.sql:1 migrations of dbmate: {RUN}"]),
    ],
)  # fmt: skip
def test_migrations(files: dict[str, str], expected: list[str]) -> None:
    assert said(migrations.read, files) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"compose.yaml": PG, "db/init.sql": UUID}, [
            'infra.db extensions ["uuid-ossp", "vector"] @db/init.sql:2']),
        ({"compose.yaml": PG, "api/migrations/1.py": 'op.execute("CREATE EXTENSION IF NOT EXISTS citext")'}, [
            'infra.db extensions ["citext"] @api/migrations/1.py:1']),
        ({"compose.yaml": PG, "notes.py": "CREATE EXTENSION citext"}, []),
        ({"a.sql": "CREATE EXTENSION plpgsql;"}, []),
        ({"a.sql": "CREATE EXTENSION pg_trgm;"}, [
            "note @a.sql:1 extensions of Postgres: pg_trgm; add them as `extensions` where its component is declared"]),
    ],
)  # fmt: skip
def test_extensions(files: dict[str, str], expected: list[str]) -> None:
    assert said(extensions.read, files) == expected
