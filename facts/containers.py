"""Which container publishes which port of this machine, as the engine says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from facts import docker
from facts.engine import Engine, EngineError, EngineGone
from facts.probe import LocalProbe
from facts.value import Unknown, dataclass

LIST_TIMEOUT = 2.0
"""Seconds the engine has for its list."""


@dataclass(frozen=True)
class Container:
    """One that runs; `project` is Compose's, empty for one that was started by hand."""

    name: str
    project: str = ""

    def __str__(self) -> str:
        return f"container {self.name}" + (f" of Compose project {self.project}" if self.project else "")


def probe(host: Callable[[], str]) -> LocalProbe:
    """`containers`: port -> the container that publishes it, on the engine at `host()`."""

    def look() -> Mapping[int, Container] | Unknown:
        try:
            return publishers(host())
        except EngineError as problem:
            return Unknown(str(problem))

    return LocalProbe("containers", look)


def proxied(pid: int) -> str:
    """Address of the container that the process forwards to, if it is a proxy of Docker's; else empty."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return ""
    known = dict(zip(words[1:-1:2], words[2::2], strict=False))
    return known.get("-container-ip", "") if words[0].endswith("docker-proxy") else ""


def publishers(host: str = "") -> Mapping[int, Container]:
    """Port -> container; none without an engine; EngineError if the engine does not answer.

    Without `host` the engine that `docker` would use.
    """
    if not host:
        seen = docker.look()
        host = seen.host if seen.state in ("ready", "down") else ""
    try:
        rows = Engine(host).get("/containers/json", LIST_TIMEOUT) if host else []
    except EngineGone as gone:
        if isinstance(gone.cause, FileNotFoundError | NotADirectoryError | ConnectionRefusedError):
            return {}
        raise
    if not isinstance(rows, list):
        raise EngineError(200, "its list of containers is not a list")
    found: dict[int, Container] = {}
    for row in rows:
        container = Container(row["Names"][0].lstrip("/"), row["Labels"].get("com.docker.compose.project", ""))
        found |= {entry["PublicPort"]: container for entry in row.get("Ports") or () if "PublicPort" in entry}
    return found
