"""The entry of [infra] that a service of a Compose file stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from converge.compose_file import published, standing_in, variables
from converge.compose_file.composed import Published
from converge.compose_file.document import Document
from converge.compose_file.team import Team
from converge.errors import DevError
from converge.templates import SHAPE, Scope
from converge.toml import refuse
from facts.value import dataclass, field

THEIRS = ("image", "command", "volumes", "run")
"""Keys of [infra.NAME] that the file decides."""
WRITTEN = {
    "image": "image", "port": "ports", "container_port": "ports", "needs": "depends_on", "env": "environment",
    "databases": "environment", "stop_grace": "stop_grace_period",
}  # fmt: skip
"""Key of an entry -> key of the service that says it."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:\d+ms)?")


@dataclass(frozen=True)
class Entry:
    """What one service gives."""

    keys: Mapping[str, Any]
    """Keys of its [infra] entry."""
    lines: Mapping[str, str]
    """Key -> `file:line`."""
    more: tuple[Published, ...] = ()
    other: Mapping[str, str] = field(default_factory=dict)
    """Variables whose names no entry can have: `discovery.type`."""
    bare: tuple[str, ...] = ()
    """Variables that have no value, and that it does not get."""
    alone: str = ""


class Portless(ValueError):
    """The service publishes no port, and its entry has none."""


def of(team: Team, found: Document, name: str, own: Mapping[str, Any], needs: list[str]) -> Entry:
    """The entry of a service whose component has the keys `own` in the desired state, which have priority.

    DevError with `file:line`; `Portless`.
    """
    table = found.tree["services"][name]
    image, ports = str(table["image"]), _ports(found, name)
    kind = own.get("kind") or standing_in.kind(image) or "command"
    number, target, rest = _port(found, name, own, ports, standing_in.LISTENS.get(str(kind)))
    env, bare = variables.of(team, name, table, found.source("services", name, "environment"))
    if kind == "postgres":
        env = _with_password(team, env)
    keys: dict[str, Any] = {
        "image": image, "port": number, "container_port": target, "kind": kind, "needs": needs,
        "env": {key: escaped(value) for key, value in env.items() if VARIABLE.fullmatch(key)},
    }  # fmt: skip
    if (grace := _seconds(table.get("stop_grace_period"))) is not None:
        keys["stop_grace"] = grace
    if kind == "postgres":
        database = env.get("POSTGRES_DB") or env.get("POSTGRES_USER") or "postgres"
        keys["databases"] = [database]
    lines = {key: found.source("services", name, there) for key, there in WRITTEN.items()}
    other = {key: value for key, value in env.items() if key not in keys["env"]}
    return Entry(keys, lines, rest, other, tuple(bare), standing_in.refusal(str(kind), image, table))


def escaped(value: str) -> str:
    """A value of which nothing in braces is filled in."""
    meant = Scope().meant
    return SHAPE.sub(lambda match: f"{{{match[0]}}}" if meant(match[1] or match[2]) else match[0], value)


def _ports(found: Document, name: str) -> list[Published]:
    entry, ports = found.tree["services"][name].get("ports") or [], list[Published]()
    if not isinstance(entry, list):
        raise _wrong(name, found.source("services", name, "ports"), "`ports` is not a list")
    for index, each in enumerate(entry):
        try:
            ports += published.of(each)
        except published.Wrong as problem:
            raise _wrong(name, found.source("services", name, "ports", index), str(problem)) from None
    return ports


def _port(
    found: Document, name: str, own: Mapping[str, Any], ports: list[Published], usual: int | None
) -> tuple[int, int, tuple[Published, ...]]:
    """Its port on this machine, the one that it leads to, and the other published ports."""
    tcp = [each for each in ports if each.protocol == "tcp"]
    first = next((each for each in tcp if own.get("container_port", each.target) == each.target), None)
    rest = tuple(each for each in ports if each is not first)
    if own.get("port") is not None:
        target = own.get("container_port") or (first.target if first else _exposed(found, name) or usual)
        if target is None:
            at = found.source("services", name)
            raise _wrong(name, at, "nothing says on which port its program listens", "add container_port to its entry")
        return own["port"], target, rest
    if first is None:
        raise Portless
    if first.number is None:
        raise _wrong(
            name, found.source("services", name, "ports"), f"Compose would give {first.target} any free port",
            f'write "{first.target}:{first.target}" there, or port = {first.target} in [infra.{name}]',
        )  # fmt: skip
    return first.number, first.target, rest


def _exposed(found: Document, name: str) -> int | None:
    exposed = found.tree["services"][name].get("expose")
    numbers = [str(each).partition("/")[0] for each in exposed] if isinstance(exposed, list) else []
    return int(numbers[0]) if len(numbers) == 1 and numbers[0].isdecimal() else None


def _wrong(name: str, at: str, because: str, hint: str = "") -> DevError:
    return refuse("compose-file", f"{name} cannot be taken from the Compose file", at, because, hint)


def _with_password(team: Team, env: dict[str, str]) -> dict[str, str]:
    """With POSTGRES_PASSWORD, USER and DB themselves in place of the `_FILE` that names a secret of the file."""
    return dict(_plain(team, env))


def _plain(team: Team, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in env.items():
        word = key.removesuffix("_FILE")
        secret = variables.secret(team, value) if word != key and word.startswith("POSTGRES_") else None
        yield (key, value) if secret is None else (word, secret)


def _seconds(text: Any) -> float | None:
    """Of `1m30s`; Compose refuses what is no duration."""
    match = DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if not match:
        return None
    hours, minutes, seconds = (float(each or 0) for each in match.groups())
    return hours * 3600 + minutes * 60 + seconds
