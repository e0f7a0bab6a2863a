"""Ready is honest: what answers must be the component's own process, not a stranger on its port."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Mapping

from converge.desired import Ready
from facts.ports import HOME, Owner, owner
from runtime import infra
from runtime.component import Component
from runtime.environment import of_component
from runtime.placements import ide, native
from runtime.placements.seen import Seen
from runtime.platform import Platform

Listening = Mapping[tuple[int, str], Owner | None]
"""Port and address -> who listens there, where somebody has looked already."""
UNSEEN: Listening = {}
HANG_UP = 0.1
"""Seconds after which a connection through Docker's proxy counts as held by the container, in a quick look."""


def why_not(
    platform: Platform, component: Component, seen: Seen, listening: Listening = UNSEEN, timeout: float = 1.0,
    hang_up: float = HANG_UP,
) -> str:  # fmt: skip
    """Empty when it is ready, else what is missing."""
    ready, boxed = component.ready or Ready(), seen.placement == "docker"
    routed = boxed and component.is_service and component.instance.owner_map.exists()
    host = HOME if boxed else host_of(component, seen)
    own = None if component.is_service or component.ready else infra.kind(component)
    if component.port and routed:
        if problem := _box(component, ready, timeout, hang_up) or _door(component, listening):
            return problem
    elif component.port:
        hang_up = (HANG_UP if own and own.greets else hang_up) if boxed else 0
        if seen.placement == "ide":
            if seen.pid is None:
                return f"nothing listens on {component.port} yet"
        elif not boxed and (problem := _stranger(component, host, listening)):
            return problem
        if ready.http and (problem := _http(component.port, ready.http, timeout, host)):
            return problem
        if not ready.http and (problem := _tcp(component.port, timeout, hang_up, host)):
            return problem
    if not component.is_service and own and (problem := own.why_not(component, timeout)):
        return problem
    if ready.exec and not _exec(platform, component, ready.exec):
        return f"`{ready.exec}` does not end with 0"
    if ready.log and not _logged(component, ready.log, boxed):
        return f"its log has no {ready.log!r} yet"
    return ""


def host_of(component: Component, seen: Seen) -> str:
    """Where its process listens: beside 127.0.0.1 where that is held for it."""
    if not component.is_service or not component.instance.owner_map.exists():
        return HOME
    hosts = {"native": native.host, "ide": ide.host}
    return hosts[seen.placement](component) if seen.placement in hosts else HOME


def _box(component: Component, ready: Ready, timeout: float, hang_up: float) -> str:
    """Why its container does not answer the gateway, whoever owns name and port."""
    from runtime import gateway

    try:
        with gateway.connected(component.instance.routes, f"box/{component.name}.sock", timeout) as connection:
            if not ready.http and getattr(component.wants, "protocol", "http") == "tcp":
                return _held(connection, component.port or 0, hang_up)  # who speaks no HTTP need not answer it
            return _asked(connection, ready.http or "/", component.port or 0, any_answer=not ready.http)
    except OSError as problem:
        return f"the gateway does not answer: {problem or type(problem).__name__}"


def _door(component: Component, listening: Listening) -> str:
    """Why its port, if the container owns it, is not answered by our own edge."""
    from runtime import routing

    assert component.port is not None
    if routing.owners(component.instance).get(component.name) != "docker":
        return ""
    listener = _listener(component.port, HOME, listening)
    if listener is None:
        return f"nothing listens on {component.port} yet"
    return "" if routing.edge(component.instance).owns(listener) else f"{listener} listens on {component.port}"


def _stranger(component: Component, host: str, listening: Listening) -> str:
    """Why its port is not answered by a process of its own; in Docker the engine alone publishes it."""
    assert component.port is not None
    listener = _listener(component.port, host, listening)
    if listener is None:
        return f"nothing listens on {component.port} yet"
    return "" if component.owns(listener) else f"{listener} listens on {component.port}"


def _listener(port: int, host: str, listening: Listening) -> Owner | None:
    return listening[port, host] if (port, host) in listening else owner(port, host)


def _http(port: int, path: str, timeout: float, host: str) -> str:
    try:
        with socket.socket() as connection:  # create_connection imports the codec of host names
            connection.settimeout(timeout)
            connection.connect((host, port))
            return _asked(connection, path, port)
    except OSError as problem:
        return f"{path}: {problem or type(problem).__name__}"


def _asked(connection: socket.socket, path: str, port: int, any_answer: bool = False) -> str:
    """Only the status line is of interest, and http.client costs more to import than a whole look."""
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode())
    with connection.makefile("rb") as answer:
        words = answer.readline(1000).split()
    if any_answer and len(words) > 1 and words[1] != b"503":
        return ""
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return f"{path}: the answer is not HTTP"
    status = int(words[1])
    return "" if 200 <= status < 400 else f"{path} answers {status}"


def _tcp(port: int, timeout: float, hang_up: float, host: str) -> str:
    """Docker's proxy accepts for a container that does not listen yet, and hangs up: so it is listened to a little."""
    try:
        with socket.socket() as connection:
            connection.settimeout(timeout)
            connection.connect((host, port))
            return _held(connection, port, hang_up) if hang_up else ""
    except TimeoutError:
        return "no answer"
    except OSError as problem:
        return str(problem)


def _held(connection: socket.socket, port: int, hang_up: float) -> str:
    """Why a connection that somebody else took for the container is none; one who is kept waiting is through."""
    connection.settimeout(hang_up)
    try:
        return "" if connection.recv(1) else f"nothing listens on {port} in its container yet"
    except TimeoutError:
        return ""


def _exec(platform: Platform, component: Component, command: str) -> bool:
    env = of_component(platform, component)
    argv = ["/bin/sh", "-c", command]
    try:
        done = subprocess.run(argv, env=env, cwd=component.instance.checkout, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _logged(component: Component, pattern: str, boxed: bool) -> bool:
    if boxed:
        from runtime.placements import docker

        return any(re.search(pattern, row) for row in docker.rows(component))
    try:
        return re.search(pattern, component.log.read_text("utf-8", "replace")) is not None
    except OSError:
        return False
