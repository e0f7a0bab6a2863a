"""Which Docker engine has the data of this instance, and what to do where another one is selected or it is down."""

from __future__ import annotations

from collections.abc import Iterable

from converge import own_files
from converge.instance import Instance
from facts.docker import SOCKET, Docker
from facts.probe import LocalProbe
from facts.value import dataclass


@dataclass(frozen=True)
class DataEngine:
    """`host` is empty if this instance never used an engine; `data` names the components whose data are on it."""

    host: str = ""
    data: tuple[str, ...] = ()


def probe(instance: Instance, names: Iterable[str]) -> LocalProbe:
    """`docker.data`: read from two small files of the instance."""
    return LocalProbe("docker.data", lambda: look(instance, names))


def look(instance: Instance, names: Iterable[str]) -> DataEngine:
    """As the last start recorded it."""
    try:
        host = own_files.text(instance.engine_record).strip()
    except OSError:
        return DataEngine()
    return DataEngine(host, tuple(name for name in names if _noted(instance, name) == "docker"))


def diagnosis(seen: Docker, home: DataEngine) -> tuple[str, str] | None:
    """Cause and remedy of an engine that cannot be used while an engine has data; None if the data change nothing."""
    if not home.host or not home.data or seen.state in ("ready", "denied"):
        return None
    data = f"the data of {', '.join(home.data)} are on"
    if seen.host == home.host:
        if seen.state != "wrong-host":
            return None  # doctor can start it, or says with which command
        gone = "if it does not exist any more, give up its data: ./dev data reset"
        return f"{data} this engine, which does not answer: {seen.because}", f"start this engine; {gone}"
    return f"{data} the engine {home.host}", _way(seen, home)


def _way(seen: Docker, home: DataEngine) -> str:
    """The command that selects the engine with the data."""
    if home.host != f"unix://{SOCKET}" or not seen.origin:
        return f"export DOCKER_HOST={home.host}"
    named = seen.origin.partition(" ")[0]  # DOCKER_HOST, DOCKER_CONTEXT, or the context of the config file
    return f"unset {named}" if named.isupper() else "docker context use default"


def _noted(instance: Instance, name: str) -> str:
    try:
        return own_files.text(instance.data_note(name)).strip()
    except OSError:
        return ""
