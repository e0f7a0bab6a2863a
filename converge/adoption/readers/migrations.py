"""Finds what brings the database of a service up to date: Alembic, Prisma, Drizzle, Knex, goose, golang-migrate."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree

NODE = "npx --no --"
_DATABASE = re.compile(r'^\s*provider\s*=\s*"(?:postgresql|mysql|sqlite|cockroachdb|sqlserver)"', re.MULTILINE)


def read(tree: Tree) -> Iterable[Claim | Note]:
    """`migrate` of the service in the directory."""
    yield from _alembic(tree)
    yield from _django(tree)
    yield from _node(tree)
    yield from _go(tree)


def _claim(folder: str, command: str, source: str, guess: str = "") -> Claim:
    return Claim(table="services", of=folder or ".", key="migrate", value=command, source=source, guess=guess)


def _alembic(tree: Tree) -> Iterator[Claim | Note]:
    for path in tree.named("alembic.ini"):
        folder = posixpath.dirname(path)
        if posixpath.basename(folder) == "migrations" and "current_app" in tree.text(f"{folder}/env.py"):
            yield _claim(posixpath.dirname(folder), "flask db upgrade", f"{path}:1")
        else:
            yield _claim(folder, "alembic upgrade head", f"{path}:{_line(tree.text(path), 'script_location')}")
    for path in tree.named("pyproject.toml"):
        folder = posixpath.dirname(path)
        if "[tool.alembic]" in (text := tree.text(path)) and posixpath.join(folder, "alembic.ini") not in tree.paths:
            yield _claim(folder, "alembic upgrade head", f"{path}:{_line(text, '[tool.alembic]')}")


def _django(tree: Tree) -> Iterator[Claim]:
    for path in tree.named("manage.py"):
        text = tree.text(path)
        if "django" in text.lower():
            line = _line(text, "DJANGO_SETTINGS_MODULE")
            yield _claim(posixpath.dirname(path), "python manage.py migrate --noinput", f"{path}:{line}")


def _node(tree: Tree) -> Iterator[Claim | Note]:
    paths = set(tree.paths)
    for path in tree.named("schema.prisma"):
        text, at = tree.text(path), posixpath.dirname(path)
        folder, _, below = f"/{at}/".rpartition("/prisma/")
        folder = folder.strip("/") if "/prisma/" in f"/{at}/" else at
        schema = f" --schema prisma/{below.strip('/')}" if below.strip("/") else ""
        if _DATABASE.search(text):
            some = any(each.startswith(f"{at}/migrations/") for each in paths)
            guess = "" if some else "there are no migrations, so the schema is pushed"
            words = "prisma migrate deploy" if some else "prisma db push"
            yield _claim(folder, f"{NODE} {words}{schema}", f"{path}:{_line(text, 'datasource')}", guess)
    for path in tree.named("drizzle.config.ts", "drizzle.config.js", "drizzle.config.mjs"):
        folder = posixpath.dirname(path)
        out = re.search(r"out:\s*[\"'`]([^\"'`]+)", tree.text(path))
        home = posixpath.normpath(posixpath.join(folder, out[1] if out else "drizzle"))
        some = any(each.startswith(f"{home}/") for each in paths)
        guess = "" if some else "there are no migrations, so the schema is pushed"
        yield _claim(folder, f"{NODE} drizzle-kit {'migrate' if some else 'push'}", f"{path}:1", guess)
    for path in tree.named("knexfile.js", "knexfile.ts", "knexfile.cjs"):
        yield _claim(posixpath.dirname(path), f"{NODE} knex migrate:latest", f"{path}:1")
    for path in tree.named(".sequelizerc"):
        yield _claim(posixpath.dirname(path), f"{NODE} sequelize-cli db:migrate", f"{path}:1")


def _go(tree: Tree) -> Iterator[Note]:
    """Which directories have migrations of Go programs; the command has an address in it that no file says."""
    seen = set[str]()
    for path in tree.paths:
        folder = posixpath.dirname(path)
        if folder in seen or not path.endswith(".sql"):
            continue
        tool = ""
        if path.endswith(".up.sql"):
            tool = "golang-migrate"
        elif "-- +goose Up" in tree.text(path)[:2000]:
            tool = "goose"
        elif "-- migrate:up" in tree.text(path)[:2000]:
            tool = "dbmate"
        if tool:
            seen.add(folder)
            said = f"migrations of {tool}: if the service does not run them itself, add its command as `migrate`"
            yield Note(source=f"{path}:1", said=said)


def _line(text: str, word: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if word in line), 1)
