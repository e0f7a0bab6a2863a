"""Redis: natively the `redis-server` on PATH, with an append-only file in its data directory."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping

from converge.errors import DevError
from facts.ports import HOME
from runtime.component import InfraComponent, Launch
from runtime.environment import of_component, path
from runtime.infra import plain
from runtime.platform import Platform

keeps_data = True
greets = True
ready_timeout = plain.ready_timeout
copied_by_sql = False
prepare = plain.data_directory
PROGRAM = "redis-server"


def launch(platform: Platform, component: InfraComponent, host: str) -> Launch:
    """With its whole configuration on the command line; at SIGTERM it writes pending data."""
    found = shutil.which(PROGRAM, path=path(platform, component))
    if found is None:
        raise DevError(
            "command-missing", f"there is no {PROGRAM} to run {component.name}", because="none is on PATH",
            hint="install it (Debian: redis-server, Homebrew: redis), or run it in Docker: ./dev doctor --only docker",
            source=platform.source(component),
        )  # fmt: skip
    data = component.instance.data / component.name
    argv = [found, "--port", str(component.port), "--bind", host, "--dir", str(data), "--appendonly", "yes"]
    return Launch((*argv, "--daemonize", "no"), data, of_component(platform, component, host=host))


def no_fallback(platform: Platform, component: InfraComponent) -> str:
    """Without its program it has no native placement."""
    return "" if shutil.which(PROGRAM, path=path(platform, component)) else f"there is no {PROGRAM} on PATH"


variables = plain.no_variables
check_volume = plain.any_volume


def addresses(platform: Platform, component: InfraComponent, host: str) -> Mapping[str, str]:
    """With its own scheme; the user of the URL appends the database's number."""
    return plain.at(component, host, "redis")


def why_not(component: InfraComponent, timeout: float) -> str:
    """Why it does not answer PING; while it loads its data it answers LOADING.

    Any other error, such as NOAUTH, counts as an answer. Source: the protocol RESP, redis.io/docs.
    """
    try:
        with socket.socket() as connection:
            connection.settimeout(timeout)
            connection.connect((HOME, component.port))
            component.verify(connection)
            connection.sendall(b"PING\r\n")
            answer = connection.recv(200)
    except OSError as problem:
        return f"it does not answer PING: {problem}"
    if answer.startswith((b"-LOADING", b"-BUSY", b"-MASTERDOWN")):
        return "it does not serve yet: " + answer[1:].decode("utf-8", "replace").split("\r\n")[0]
    return "" if answer.startswith((b"+PONG", b"-")) else "what answers there is not Redis"
