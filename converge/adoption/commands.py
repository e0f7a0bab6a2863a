"""What a command line of a Compose file, Procfile or Dockerfile does: migrate, serve, work, or something else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from converge.adoption import loose
from facts.value import dataclass, field

Role = Literal["migrate", "serve", "work", "other"]
SHELLS = frozenset(["sh", "bash", "ash", "zsh", "/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/env"])
LONGEST = 10_000
"""Characters of a command that are read."""
KINDS: Mapping[str, str] = {
    **dict.fromkeys(["python", "python3", "celery", "uvicorn", "gunicorn", "flask", "rq", "rqworker", "dramatiq", "arq",
                     "huey_consumer", "taskiq", "faststream", "hypercorn", "watchmedo", "watchfiles"], "python"),
    **dict.fromkeys(["node", "npm", "npx", "pnpm", "yarn", "tsx", "nodemon", "ts-node", "ts-node-dev"], "node"),
    **dict.fromkeys(["bundle", "rails", "rake", "sidekiq", "php", "mix", "dotnet", "cargo", "make", "just", "task",
                     "java", "go"], "command"),
    "bun": "bun", "deno": "deno",
}  # fmt: skip
"""Program -> kind of a service that has it on its PATH."""
RELOADED = frozenset(["python", "node"])
"""Kinds whose commands do not reload unless they say so."""
_LAUNCHERS = (
    r"exec", r"command", r"time", r"(\S*/)?(tini|dumb-init)( -\w+)*", r"--", r"[A-Z_][A-Z0-9_]*=\S*",
    r"env", r"(poetry|pipenv|pdm|hatch|rye) run", r"uv run( --?[a-z-]+(=\S+)?)*", r"(\S*/)?\.?venv/bin/(?=\S)",
    r"opentelemetry-instrument", r"ddtrace-run", r"newrelic-admin run-program", r"(doppler|infisical) run --",
    r"dotenv( -e \S+)? --", r"dockerize( -\S+ \S+)*",
    r"(\./|/)?(\S*/)?wait-for(-it)?(\.sh)?( (?!--)\S+)*( --)?",
)  # fmt: skip
"""What is before the program and is not needed where the packages of the service are on PATH, as patterns."""
_PACKAGES = r"python3? -m|npx( --?[a-z-]+)*( --)?|bunx|(pnpm|yarn|npm) (exec|dlx)( --)?|(pnpm|yarn)(?= \w+(-\w+)? )"
_LAUNCHED = re.compile(rf"(?:(?:{'|'.join(_LAUNCHERS)})(?:\s+|(?<=/)))")
_PROGRAM = re.compile(rf"(?:{_PACKAGES}|python3?(?= (\S*/)?manage\.py))\s+")
_NOTHING = re.compile(
    r"(sleep|echo|cd|set|export|true|:|until|do|done|while|mkdir|chmod|ls|pwd|date|source|\.)(\s|\Z)"
    r"|(\S*/)?manage\.py (collectstatic|check|compilemessages|wait_for_db|createcachetable)"
)
_INSTALLS = re.compile(
    r"(npm (ci|i|install)|(yarn|pnpm|bun) (install|i)|yarn|pip3? install|poetry install|uv sync|go mod (download|tidy)"
    r"|bundle install|corepack enable)(\s.*)?"
)
_MIGRATES = re.compile(
    r"alembic( -\S+ \S+)* upgrade|(\S*/)?manage\.py migrate|flask( --app \S+)? db upgrade|prisma (migrate|db push)"
    r"|knex (--\S+ \S+ )*migrate:latest|sequelize(-cli)? db:migrate|typeorm\S* .*migration:run"
    r"|drizzle-kit (migrate|push)|goose .*\bup\b|migrate .*\bup\b|dbmate (.* )?up\b|sqlx migrate run"
    r"|diesel migration run|aerich upgrade|atlas migrate apply|tern migrate"
    r"|(npm|pnpm|yarn|bun)( run)? (\S*:)?migrat\S*|go run \S*migrat\S*|make (\S*-)?migrat\S*"
    r"|(python3? )?(\S*/)?migrat\w*\.(py|sh|js|ts)\b"
)
_CELERY = re.compile(r"celery (?=.*\b(?P<role>worker|beat|flower)\b)(?=.*(?:-A|--app)[ =](?P<app>[\w.:]+))")
_ASGI = re.compile(r"(uvicorn|hypercorn|daphne|granian|gunicorn)\b.*?\s(?P<app>[A-Za-z_][\w.]*:[A-Za-z_]\w*)(?=\s|\Z)")
_WSGI = re.compile(r"gunicorn\b.*?\s(?P<app>[A-Za-z_][\w.]*wsgi)(?=\s|\Z)")


@dataclass(frozen=True)
class Step:
    """One command of a line."""

    role: Role
    text: str
    """As it is run where the packages of the service are on PATH."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """What it says of the service: `kind`, `app`."""
    also: str = ""
    """Which component of the directory it is: `worker`, `beat`; empty for its main one."""
    guess: str = ""


def steps(said: Any) -> tuple[Step, ...]:
    """The steps of a command, a text or a list of words; empty where it cannot be read or does nothing of interest."""
    return tuple(_meaning(each) for each in _plain(said))


def kind(text: str) -> str:
    """The kind of a service that can run the command; empty where its program is in an image alone."""
    return KINDS.get(text.partition(" ")[0], "")


def written(said: Any) -> str:
    """The command as one line of a shell."""
    return said.strip() if isinstance(said, str) else " ".join(map(shlex.quote, loose.texts(said)))


def _plain(said: Any) -> Iterator[str]:
    for words in _split(written(said)[:LONGEST]):
        script = _script(words)
        if script is not None:
            yield from _plain(script)
            continue
        text = " ".join(map(_quoted, words))
        while match := _LAUNCHED.match(text):
            text = text[match.end() :]
        if text and not _NOTHING.match(_program(text)) and not _INSTALLS.fullmatch(text):
            yield text


def _program(text: str) -> str:
    """The command without what runs a program of a package: `npx prisma …` becomes `prisma …`."""
    match = _PROGRAM.match(text)
    return text[match.end() :] if match else text


def _quoted(word: str) -> str:
    """The word as a shell takes it; a variable in it stays one."""
    if re.fullmatch(r"[\w@%+=:,./${}\[\]*?~^-]+", word):
        return word
    return shlex.quote(word) if "$" not in word else '"' + word.replace('"', '\\"') + '"'


def _split(text: str) -> Iterator[list[str]]:
    """The simple commands of a line; none if its quotes do not close."""
    lexer = shlex.shlex(text.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        found: Iterable[str] = list(lexer)
    except ValueError:
        return
    for word in found:
        if word and set(word) <= set(";&|"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def _script(words: list[str]) -> str | None:
    """What a shell is given by -c."""
    plain = [word for word in words if word not in ("exec", "tini", "--", "dumb-init")]
    if len(plain) < 3 or plain[0] not in SHELLS:
        return None
    at = next((n for n, word in enumerate(plain[:4]) if re.fullmatch(r"-[a-z]*c", word)), 0)
    return plain[at + 1] if at and len(plain) > at + 1 else None


def _meaning(text: str) -> Step:
    program = _program(text)
    if _MIGRATES.match(program):
        return Step("migrate", text)
    if celery := _CELERY.match(program):
        kind = {"worker": "celery", "beat": "celery-beat"}.get(celery["role"], "")
        keys = {"kind": kind, "app": celery["app"]} if kind else {}
        return Step("work", text, keys, celery["role"])
    return _server(text, program)


def _server(text: str, program: str) -> Step:
    if re.match(r"(\S*/)?manage\.py runserver", program):
        return Step("serve", text, {"kind": "django"})
    if wsgi := _WSGI.match(program):
        return Step("serve", text, {"kind": "django"}, guess=f"gunicorn serves {wsgi['app']}")
    asgi = _ASGI.match(program)
    if asgi and "--factory" not in text:
        if asgi[1] == "gunicorn" and asgi["app"].partition(":")[0].endswith("wsgi"):
            return Step("serve", text, {"kind": "django"}, guess=f"gunicorn serves {asgi['app']}")
        if asgi[1] == "gunicorn" and "uvicorn" not in text:
            guess = "gunicorn serves it without uvicorn"
            return Step("serve", text, {"kind": "flask", "app": asgi["app"]}, guess=guess)
        return Step("serve", text, {"kind": "python", "app": asgi["app"]})
    if flask := re.match(r"flask (?:(?:--app|-A)[ =](\S+) )?(?:--\S+ )*run\b", program):
        return Step("serve", text, {"kind": "flask", **({"app": flask[1]} if flask[1] else {})})
    return Step("other", text)
