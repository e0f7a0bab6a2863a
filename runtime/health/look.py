"""One look at a component: ready, starting, compiling or failed, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping

from converge import trust
from converge.desired import Ready
from facts import regular, users
from facts.ports import HOME, Owner, owner
from runtime import infra
from runtime.component import Component
from runtime.health import answers
from runtime.health.answers import Deadline
from runtime.health.verdict import Verdict
from runtime.placements import ide, native
from runtime.placements.seen import Seen
from runtime.platform import Platform

Listening = Mapping[tuple[int, str], Owner | None]
"""Port and address -> the process that listens there, if it was looked up already."""
UNSEEN: Listening = {}
HANG_UP = 0.1
"""Seconds after which a connection that is still open through Docker's proxy has reached the container."""
READY_AFTER = 1.0
"""Seconds that a component without a port and without `ready` must have run."""
YOUNG = 1.0
"""Seconds after the start of a process in which its child processes are not looked at."""


def judge(
    platform: Platform, component: Component, seen: Seen, listening: Listening = UNSEEN, timeout: float = 1.0,
    hang_up: float = HANG_UP,
) -> Verdict:  # fmt: skip
    """The verdict by its answers within `timeout` seconds; without an answer, by its processes and its log."""
    missing = why_not(platform, component, seen, listening, timeout, hang_up)
    if missing == trust.WHY:
        return Verdict("unknown", f"{missing}: {trust.hint(platform.instance.checkout)}")
    plain = seen.placement == "ide" or seen.debug or _age(seen) < YOUNG
    boxed = seen.placement == "docker"
    if plain or not (missing or (not boxed and (_unasked(component) or _rebuilt(component)))):
        return Verdict("starting" if missing else "ready", missing)
    from runtime.health import builds  # saves 10 ms: most looks find what is ready

    return builds.in_container(component, seen, missing) if boxed else builds.judge(component, seen, missing)


def why_not(
    platform: Platform, component: Component, seen: Seen, listening: Listening = UNSEEN, timeout: float = 1.0,
    hang_up: float = HANG_UP,
) -> str:  # fmt: skip
    """Why it is not ready; empty if it is. All answers together have `timeout` seconds."""
    ready, deadline = component.ready or Ready(), Deadline.after(timeout)
    own = None if component.is_service or component.ready else infra.kind(component)
    try:
        if problem := _port(component, ready, seen, listening, deadline, hang_up):
            return problem
        if not component.is_service and own and (problem := own.why_not(component, deadline.left())):
            return problem
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    if problem := _too_young(component, seen) or _ailing(platform, component, seen):
        return problem
    return _declared(platform, component, seen, ready, timeout)


def _ailing(platform: Platform, component: Component, seen: Seen) -> str:
    """Why the health check of a team's Compose file does not pass; `ready` of [infra] replaces it."""
    composed = platform.loaded.composed
    own = composed.containers.get(component.name) if composed and not component.ready else None
    return seen.ailing if own and "healthcheck" in own.body else ""


def _declared(platform: Platform, component: Component, seen: Seen, ready: Ready, timeout: float) -> str:
    """Why its own command or its log says that it is not ready; empty if they do not."""
    if (ready.exec or ready.log) and not platform.loaded.trusted:
        return trust.WHY
    if ready.exec:
        from runtime.health import command  # saves 6 ms: few components have one

        if problem := command.why_not(platform, component, ready.exec, timeout, host_of(component, seen)):
            return problem
    if ready.log and seen.placement != "ide":  # ./dev has no log of it there
        from runtime.health import said  # saves 5 ms: few components have one

        return said.why_not(component, seen, ready.log)
    return ""


def host_of(component: Component, seen: Seen) -> str:
    """Address on which its process listens: not 127.0.0.1 where the edge listens there for it."""
    if not component.instance.owner_map.exists():
        return HOME
    hosts = {"native": native.host, "ide": ide.host}
    return hosts[seen.placement](component) if seen.placement in hosts else HOME


def _rebuilt(component: Component) -> bool:
    """Whether `rebuild.py` runs it, which keeps the old program if a build fails."""
    try:
        return b"rebuild.py" in regular.content(component.directory / "spec.json")
    except OSError:
        return False


def _unasked(component: Component) -> bool:
    """Whether nothing but its processes tells that its program has ended: it has no port that could answer."""
    return component.is_service and not component.port and not component.once


def _age(seen: Seen) -> float:
    """Seconds since its process began; many if that is not known."""
    return math.inf if seen.age is None else seen.age


def _too_young(component: Component, seen: Seen) -> str:
    """Why it has not run long enough yet; empty if it has."""
    declared = component.wants.ready_after if component.is_service else None
    default = READY_AFTER if not component.port and component.ready is None else 0.0
    wanted = default if declared is None else declared
    if _age(seen) < wanted:
        return f"it has run for less than {wanted:g} s"
    return ""


def _port(
    component: Component, ready: Ready, seen: Seen, listening: Listening, deadline: Deadline, hang_up: float
) -> str:
    """Why its port does not answer as it must; empty if its own process answers."""
    in_docker = seen.placement == "docker"
    if not component.port:
        return ""
    if in_docker and component.is_service and component.instance.owner_map.exists():
        return _container(component, ready, deadline, hang_up) or _edge(component, listening)
    host = HOME if in_docker else host_of(component, seen)
    if problem := _unheard(component, seen, host, listening) or _unguarded(component, seen, host):
        return problem
    if ready.http:
        return answers.http(host, component.port, ready.http, deadline, component.verify)
    greets = not component.is_service and component.ready is None and infra.kind(component).greets
    hang_up = (HANG_UP if greets else hang_up) if in_docker else 0
    return answers.tcp(host, component.port, deadline, hang_up, component.verify)


def _unheard(component: Component, seen: Seen, host: str, listening: Listening) -> str:
    """Why none of its processes listens; in Docker the engine publishes the port, so it is not looked up."""
    if seen.placement == "ide":
        return ide.stranger_there(component) or ("" if seen.pid else f"nothing listens on {component.port} yet")
    return "" if seen.placement == "docker" else _stranger(component, host, listening)


def _container(component: Component, ready: Ready, deadline: Deadline, hang_up: float) -> str:
    """Why its container does not answer the gateway, whichever placement owns name and port."""
    from runtime.routes import gateway  # saves 22 ms of a status without a container

    port = component.port or 0
    try:
        with gateway.connected(component.instance.routes, f"box/{component.name}.sock", deadline.left()) as connection:
            if not ready.http and getattr(component.wants, "protocol", "http") == "tcp":
                return answers.held(connection, port, hang_up)  # a service without HTTP need not answer a request
            return answers.ask(connection, ready.http or "/", port, deadline, any_answer=not ready.http)
    except OSError as problem:
        return f"the gateway does not answer: {str(problem) or type(problem).__name__}"


def _edge(component: Component, listening: Listening) -> str:
    """Why the edge does not listen on its port, if the container owns it; empty if it does."""
    from runtime.routes import owner_map  # saves 30 ms of a status without a container

    assert component.port is not None
    if owner_map.owners(component.instance).get(component.name) != "docker":
        return ""
    listener = _listener(component.port, HOME, listening)
    if listener is None:
        return f"nothing listens on {component.port} yet"
    return "" if owner_map.edge(component.instance).owns(listener) else f"{listener} listens on {component.port}"


def _unguarded(component: Component, seen: Seen, host: str) -> str:
    """Why its callers do not reach it by the edge, where other people use this machine; empty if they do."""
    if seen.placement != "native" or host == HOME or not users.shared():
        return ""
    from runtime.routes import owner_map  # saves 30 ms of a status without an owner map

    name, port = component.name, component.port or 0
    if owner_map.owners(component.instance).get(name) != "native" or owner_map.listens(component.instance, name):
        return ""
    listener = owner(port, HOME)
    return f"{listener} listens on {port}" if listener else f"nothing listens on {port} yet"


def _stranger(component: Component, host: str, listening: Listening) -> str:
    """Why none of its processes listens on its port; empty if one does."""
    assert component.port is not None
    listener = _listener(component.port, host, listening)
    if listener is None:
        return f"nothing listens on {component.port} yet"
    return "" if component.owns(listener) else f"{listener} listens on {component.port}"


def _listener(port: int, host: str, listening: Listening) -> Owner | None:
    return listening[port, host] if (port, host) in listening else owner(port, host)
