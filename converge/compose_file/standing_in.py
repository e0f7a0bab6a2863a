"""Which images are of a kind that ./dev knows, and whether its embedded program can replace a service of a file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

KINDS = {
    "postgres": "postgres", "pgvector": "postgres", "postgis": "postgres",
    "redis": "redis", "valkey": "redis", "redis-stack": "redis", "redis-stack-server": "redis",
}  # fmt: skip
"""Last part of an image's name -> kind."""
LISTENS = {"postgres": 5432, "redis": 6379}
"""Kind -> the port on which its images listen."""
ORDINARY = {"postgres": ("postgres", "pgvector"), "redis": ("redis", "valkey")}
"""Kind -> the images that have nothing which the embedded program lacks."""
HARMLESS = {
    "postgres": frozenset(
        [
            "max_connections",
            "shared_buffers",
            "work_mem",
            "maintenance_work_mem",
            "effective_cache_size",
            "fsync",
            "full_page_writes",
            "synchronous_commit",
            "listen_addresses",
            "log_statement",
            "log_connections",
            "log_min_duration_statement",
        ]
    ),
    "redis": frozenset(
        [
            "--appendonly",
            "--appendfsync",
            "--save",
            "--loglevel",
            "--maxmemory",
            "--maxmemory-policy",
            "--dir",
            "--bind",
            "--protected-mode",
            "--port",
        ]
    ),
}
"""Kind -> settings of a command without which a client sees no difference."""
PROGRAMS = ("postgres", "redis-server", "valkey-server")
SCRIPTS = "/docker-entrypoint-initdb.d"
"""Where the image of Postgres has what it runs on new data. Source: its page on Docker Hub."""


def kind(image: str) -> str | None:
    """The kind that the name of an image says."""
    return KINDS.get(_name(image))


def refusal(kind: str, image: str, table: Mapping[str, Any]) -> str:
    """Why the embedded program of the kind cannot replace the service, as a clause; empty if it can."""
    if kind not in ORDINARY:
        return f"it is the image {image}, which only Docker runs"
    if _name(image) not in ORDINARY[kind]:
        return f"{image} has more than the embedded {kind}"
    if SCRIPTS in str(table.get("volumes")):
        return f"only its image runs the scripts in {SCRIPTS}"
    if "entrypoint" in table:
        return "it has an `entrypoint` of its own"
    try:
        other = next((each for each in _settings(table.get("command")) if each not in HARMLESS[kind]), "")
    except ValueError:
        other = "quotes that are not closed"
    return f"its `command` has {other[:40]}, and the embedded {kind} is run without it" if other else ""


def _name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _settings(command: Any) -> Iterator[str]:
    """Names of the settings in a command, `--name value` or `-c name=value`; anything else as it stands."""
    words = [str(each) for each in command] if isinstance(command, list) else shlex.split(str(command or ""))
    for at, word in enumerate(words):
        before = words[at - 1] if at else ""
        if before == "-c":
            yield word.partition("=")[0]
        elif word == "-c" or (at == 0 and word in PROGRAMS):
            continue
        elif word.startswith("--") or not before.startswith("--"):
            yield word.partition("=")[0]
