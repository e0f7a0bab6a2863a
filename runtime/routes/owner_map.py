"""The owner map: which placement owns each component's name and port. The gateway and the edge forward by it.

Both run only while some service is in a container or handed off, the edge also where other people use the machine. Then
every service of the instance has an entry: `docker`, `native@HOST` or `ide@HOST` with the address on which its process
listens, `hold` while it is restarted, or `none` if it does not run. Infrastructure has one where others could take its
port; it is never `docker`, as its container publishes the port.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from converge import atomic, own_files, tool, trust
from converge.desired import Service
from converge.errors import DevError
from converge.instance import EDGE, Instance
from facts import users
from facts.ports import HOME
from facts.processes import RECORD
from facts.value import dataclass
from runtime import placements, services
from runtime.component import LOOPBACK_FOR, Component, Launch, ServiceComponent
from runtime.environment import PASSED
from runtime.handoff import record
from runtime.placements import docker, ide, native
from runtime.platform import Platform
from runtime.routes import gateway

PROGRAM = Path(__file__).with_name("edge.py")
KEEPER = Path(__file__).with_name("keeper.py")
"""Runs the program where other people use the machine."""
DRAIN = 5.0
"""Seconds in which running requests must end after a switch."""
EDGE_TIMEOUT = 30.0
"""Seconds in which the edge must answer after its start."""
RENEWAL = 3.0
"""Seconds in which an edge of a version that knows no infrastructure must have become the present one."""
_GUARD = threading.RLock()


@dataclass(frozen=True)
class Route:
    """Where a service's callers are forwarded."""

    owner: str
    """A placement, `hold` while it is restarted, or `none`."""
    host: str = ""
    """Address on which the process listens, if the owner is a process on this machine."""

    def __str__(self) -> str:
        return f"{self.owner}@{self.host}" if self.host else self.owner


def edge(instance: Instance) -> ServiceComponent:
    """The edge as a component of its own; the desired state does not name it."""
    return ServiceComponent(EDGE, Service(kind="command", retries=1_000_000, stop_grace=1), instance)


def is_open(instance: Instance) -> bool:
    """Whether there is an owner map now."""
    return instance.owner_map.exists()


def routes(instance: Instance) -> dict[str, Route]:
    """Service -> where its callers are forwarded; empty without an owner map."""
    try:
        rows = own_files.text(instance.owner_map).splitlines()
    except FileNotFoundError:
        return {}
    words = [row.split() for row in rows]
    return {row[0]: Route(row[1].partition("@")[0], row[1].partition("@")[2]) for row in words if len(row) == 2}


def owners(instance: Instance) -> dict[str, str]:
    """Service -> placement that owns its name and port, `hold` or `none`; empty without an owner map."""
    return {name: route.owner for name, route in routes(instance).items()}


def prepare(platform: Platform) -> None:
    """Write an owner map with every component that it serves, and start the edge; the gateway's container is started
    later."""
    with _GUARD:
        mine = _served(platform)
        known = routes(platform.instance)
        found = {name: known.get(name) or _now(component) for name, component in mine.items()}
        if found != known:
            _write(platform.instance, found)
        _start_edge(platform)


def run_gateway(platform: Platform, container: str) -> None:
    """Start the gateway's container and set its owner map."""
    instance = platform.instance
    if not docker.look(gateway.component(instance)).lives:
        docker.spawn(gateway.component(instance), container)
    gateway.wait(instance)
    with _GUARD:
        gateway.tell(instance, routes(instance))
        _start_edge(platform)


def own(platform: Platform, name: str, owner: str, host: str = "") -> None:
    """Give the service's name and port to another owner: the file is written first, then the proxies reload.

    For a process the edge reloads first, so that it forwards no request to the earlier owner; for a container the
    gateway does, so that no request goes in circles between the two.
    """
    with _GUARD:
        now, then = routes(platform.instance), Route(owner, host)
        if name not in now or now[name] == then:
            return
        _write(platform.instance, now | {name: then})
        refresh(platform, first=owner != "docker")


def hold(platform: Platform, name: str) -> None:
    """Before a restart: make new callers wait, and let it finish its requests. The next `own` ends this."""
    route = routes(platform.instance).get(name)
    if route and route.owner in placements.PLACEMENTS and route.host != HOME:
        own(platform, name, "hold")
        drain(platform.instance, name, route.owner)


def release(platform: Platform) -> None:
    """After a start: forward callers that still wait for a service that failed to what runs of it, or to nothing."""
    for name, owner in owners(platform.instance).items():
        if owner == "hold" and name in platform.components:
            now = _now(platform.components[name])
            own(platform, name, now.owner, now.host)


def refresh(platform: Platform, first: bool = False) -> None:
    """Make gateway and edge reload the map; with `first` the edge before the gateway."""
    steps: list[Callable[[], None]] = [
        lambda: _start_edge(platform),
        lambda: gateway.tell(platform.instance, routes(platform.instance)),
    ]
    with _GUARD:
        for step in steps if first else reversed(steps):
            step()


def listens(instance: Instance, name: str) -> bool:
    """Whether the edge has the service's port on 127.0.0.1."""
    try:
        return bool(_ask_edge(instance, "look").get(name, {}).get("listens"))
    except OSError:
        return False


def drain(instance: Instance, name: str, placement: str) -> None:
    """Wait until the service has no running request in that placement, for at most DRAIN seconds."""
    deadline = time.monotonic() + DRAIN
    while gateway.busy(instance, name, placement) and time.monotonic() < deadline:
        time.sleep(0.005)


def settle(platform: Platform) -> None:
    """Stop the gateway and the edge if no service is in a container or handed off."""
    instance = platform.instance
    if not is_open(instance) and not native.lives(edge(instance)):
        return
    if {"docker", "hold"} & set(owners(instance).values()) or any((instance.state / "handoff").glob("*.json")):
        return
    if any(route.host == LOOPBACK_FOR["native"] for route in routes(instance).values()):  # a start moves it first
        return
    workers = [c for c in platform.components.values() if c.is_service and not c.port]
    if is_open(instance) and any(
        docker.look(worker).lives for worker in workers
    ):  # they have no address, and call others
        return
    close(instance)


def close(instance: Instance) -> None:
    """Stop the gateway and the edge, and delete the owner map."""
    if not instance.routes.exists():
        return
    native.stop(edge(instance))
    if instance.engine_record.exists():
        docker.stop(gateway.component(instance))
    instance.owner_map.unlink(missing_ok=True)
    for socket_file in instance.routes.glob("*/*.sock"):
        socket_file.unlink(missing_ok=True)


def _start_edge(platform: Platform) -> None:
    """Start the edge if needed, and make it read the map."""
    instance = platform.instance
    component, spec = edge(instance), instance.routes / "edge.json"
    wanted = _spec(platform)
    atomic.write(spec, json.dumps(wanted))
    program = KEEPER if users.shared() else PROGRAM
    launch = Launch((sys.executable, "-I", "-S", str(program), str(spec)), Path("/"), _environment(platform))
    began = time.monotonic()
    deadline, stopped = began + EDGE_TIMEOUT, False
    while True:
        if not native.lives(component):
            native.spawn(component, launch, "")
        try:
            if wanted["infra"].keys() <= _ask_edge(instance, "reload").keys():
                return
            problem = OSError("it is of an earlier version")
            if not stopped and time.monotonic() > began + RENEWAL:  # it waits for connections, which may last for days
                stopped = native.stop(component)
        except OSError as found:  # its shim, or the guard of one that was killed, may be about to end or restart it
            problem = found
        if time.monotonic() > deadline:
            raise DevError(
                "edge-lost", "the process that has the services' ports does not answer", because=str(problem),
                hint=f"its log is {component.log}",
            ) from problem  # fmt: skip
        time.sleep(0.01)


def _environment(platform: Platform) -> dict[str, str]:
    """Variables of the caller that a later `handoff --back` by the edge needs: those that a start reads."""
    names = {"PATH", "DEV_STORE", "DOCKER_HOST", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", *PASSED, *services.passed()}
    names |= {"XDG_STATE_HOME", trust.VARIABLE}
    names |= platform.desired.env.keys()
    return {name: value for name, value in os.environ.items() if name in names or name.startswith("LC_")}


def _spec(platform: Platform) -> dict[str, Any]:
    instance = platform.instance
    entries = {name: _entry(component) for name, component in _served(platform).items()}
    infra = {name: entry for name, entry in entries.items() if name in platform.infra}
    services = {name: entry for name, entry in entries.items() if name not in infra}
    due = {name: entry.until for name, entry in record.records(instance).items()}
    back = [
        str(tool.program()),
        "-C",
        str(instance.checkout),
        *(["--instance", instance.name] if instance.name else []),
    ]
    control = str(edge(instance).directory / "control.sock")
    (instance.routes / "host").mkdir(parents=True, exist_ok=True)
    found = {"services": services, "due": due, "back": back, "control": control, "directory": str(instance.routes)}
    found["infra"] = infra  # apart, as an earlier version would not ask who connects
    return found | ({"users": sorted({0, os.getuid()})} if users.shared() else {})


def _entry(component: Component) -> dict[str, Any]:
    """What the edge knows of one component: its port and, where other people use the machine, which processes are its.

    `run` tells those that root started and that became another user. Infrastructure also has the users of its process,
    and those that may connect: the Pub/Sub emulator, for example, sees the user of the edge alone.
    """
    found: dict[str, Any] = {"port": component.port}
    found["protocol"] = component.wants.protocol if component.is_service else "tcp"
    if not users.shared():
        return found
    if os.geteuid() == 0:
        found["run"] = [str(component.directory / RECORD), component.mark]
    ours = sorted({0, *component.instance.run(component.name).uids})
    return found if component.is_service else found | {"users": ours, "callers": ours}


def _served(platform: Platform) -> dict[str, Component]:
    """The components of the owner map: services with an address, and infrastructure that has its port from the edge."""
    known = routes(platform.instance)
    behind = {name: each for name, each in platform.infra.items() if each.guarded or name in known}
    return {**gateway.served(platform), **behind}


def _ask_edge(instance: Instance, word: str) -> dict[str, Any]:
    with gateway.connected(edge(instance).directory, "control.sock", 3) as connection:
        connection.sendall(word.encode() + b"\n")
        with connection.makefile("rb") as answer:
            line = answer.readline()
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError as problem:
        raise OSError("the edge closed the connection") from problem
    if "" in found:
        raise OSError(found[""])
    return found


def _now(component: Component) -> Route:
    seen = placements.look(component)
    if not seen.lives or (seen.placement == "docker" and not component.is_service):
        return Route("none")
    hosts = {"native": native.host, "ide": ide.host}
    return Route(seen.placement, hosts[seen.placement](component) if seen.placement in hosts else "")


def _write(instance: Instance, found: Mapping[str, Route]) -> None:
    text = "".join(f"{name} {route}\n" for name, route in found.items())
    atomic.write(instance.owner_map, text, durable=True)
