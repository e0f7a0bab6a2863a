"""The gateway: one HAProxy container that has every service's name and port and forwards by the owner map."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from ipaddress import IPv4Network
from pathlib import Path

from converge import atomic, own_files
from converge.desired import Infra
from converge.errors import DevError
from converge.instance import Instance
from facts.engine import Engine
from facts.value import replace
from runtime.component import InfraComponent, ServiceComponent
from runtime.docker import compose, images
from runtime.docker.compose import Project
from runtime.placements import docker
from runtime.platform import Platform

NAME = "dev-gateway"
IMAGE = "haproxy:3.0"
HOLD = 30
"""Seconds for which a request waits for its service."""
FIRST = 10
"""Index of the first container's address in the network, in the order of names; the gateway has index 2."""
READY_TIMEOUT = 10.0
"""Seconds in which it must answer after its start."""
HEAD = f"""\
global
  stats socket /run/dev/haproxy.sock mode 600 level admin
  maxconn 4096

# A breakpoint looks like a hang: timeouts are one day, and there are no health checks. Only a connection that was not
# accepted is tried again: a request that was sent may have been executed.
defaults
  timeout connect 500ms
  timeout client 24h
  timeout server 24h
  timeout tunnel 24h
  retries {HOLD * 2}
"""
NAMES = """\
# ./dev did not make the network, so its names are resolved, and an address is kept until there is another.
resolvers docker
  nameserver docker 127.0.0.11:53
  timeout resolve 200ms
  timeout retry 200ms
  hold valid 200ms
  hold nx 24h
  hold other 24h
  hold refused 24h
  hold timeout 24h
"""


def component(instance: Instance) -> InfraComponent:
    """The gateway as a component of its own; the desired state does not name it."""
    return InfraComponent(NAME, Infra(port=1, stop_grace=2), instance)


def fits(engine: Engine) -> bool:
    """Whether the engine's containers and this host can share sockets: not if the engine has its own virtual machine.

    There (Docker Desktop, colima) each container has its name and its published port from `routes.yaml`.
    """
    about = engine.get("/info")
    return sys.platform == "linux" and "Docker Desktop" not in str(about.get("OperatingSystem", ""))


def served(platform: Platform) -> dict[str, ServiceComponent]:
    """The services that have an address."""
    return {name: service for name, service in platform.services.items() if service.port}


def image(project: Project, say: Callable[[str], None]) -> str:
    """Its image: the pinned one, or one built from a Debian base if that cannot be pulled."""
    wanted, built = candidates(project)
    for there in (built, wanted):
        if images.there(project.engine, there):
            return there
    try:
        images.pull(project.engine, wanted, say)
    except DevError as problem:
        if problem.code == "image-digest":
            raise
        say(f"building: {IMAGE} cannot be pulled")
        mine = {NAME: component(project.instance)}
        images.build(project, mine, {NAME: built}, lambda _, text: say(text))
        return built
    return wanted


def candidates(project: Project) -> tuple[str, str]:
    """The image that it should run, and the one that is built if that cannot be pulled."""
    digest = images.pinned(project.instance.checkout, IMAGE)
    routed = replace(project, routed=True)
    return f"{IMAGE}@{digest}" if digest else IMAGE, images.reference(routed, component(project.instance))


def write(project: Project) -> None:
    """Write its configuration, and the Compose file with its names and all addresses."""
    instance, mine = project.instance, served(project.platform)
    for directory in ("gate", "box", "host"):
        (instance.routes / directory).mkdir(parents=True, exist_ok=True)
    instance.routes.chmod(0o700)
    hosts = _addresses(instance, sorted(mine))
    text = configuration(mine, hosts)
    atomic.write(instance.routes / "haproxy.cfg", text)
    address = {"ipv4_address": hosts[""]} if hosts else {}
    own = {
        "labels": {"dev.configuration": sha256(text.encode()).hexdigest()[:16]},
        "networks": {"default": {"aliases": list(mine), **address}},
    }
    addresses = {} if not hosts else {
        compose.key(service): {"networks": {"default": {"ipv4_address": hosts[name]}}}
        for name, service in mine.items() if compose.key(service) in replace(project, routed=False).entries
    }  # fmt: skip
    atomic.write(instance.routes_file, json.dumps({"services": {NAME: own, **addresses}}, indent=1) + "\n")


def configuration(mine: Mapping[str, ServiceComponent], hosts: Mapping[str, str]) -> str:
    """HAProxy's configuration: three frontends (network, host, health look), and a backend per placement.

    Each placement has its own connections, so that a request never reaches the process of an earlier placement.
    """
    parts = [HEAD] if hosts else [HEAD, NAMES]
    for name, service in mine.items():
        wants, port = service.wants, service.port
        owner = f"{{ str({name}),map(/run/dev/owner.map,none) }}".replace(" }", "")
        web = wants.protocol != "tcp"
        # each request has a connection of its own to its service: one that is idle may be closed as the next is sent
        mode = "  mode http\n  retry-on conn-failure\n  option http-server-close\n" if web else "  mode tcp\n"
        stopped = f'"{name} is stopped: ./dev start {name}\\n"'
        refuse = (
            f"  http-request return status 503 content-type text/plain string {stopped} if {owner} -m str none }}\n"
        )
        sorry = f"{name} did not answer in {HOLD} s: its container is not up. ./dev logs {name} says more\\n"
        late = f'  http-error status 503 content-type text/plain string "{sorry}"\n'
        lost = (
            '  http-error status 503 content-type text/plain string "no process on the host serves this: ./dev start"\n'
        )
        look_up = "" if hosts else " resolvers docker init-addr none"
        place = hosts.get(name, compose.key(service))
        http2 = " proto h2" if wants.protocol == "h2c" else ""
        sockets = [(side, f"unix@/run/dev/host/{name}.{side}.sock") for side in ("native", "ide")]
        front = "  mode http\n" if web else "  mode tcp\n"
        parts.append(
            f"frontend {name}\n{front}  bind :{port}\n  bind unix@/run/dev/gate/{name}.sock mode 600\n"
            + (refuse if web else "")
            + f"  use_backend {name}-docker if {owner} -m str docker }}\n"
            f"  use_backend {name}-native if {owner} -m beg native }}\n  default_backend {name}-ide\n"
            f"frontend {name}-look\n{front}  bind unix@/run/dev/box/{name}.sock mode 600\n"
            f"  default_backend {name}-look\n"
            f"backend {name}-look\n{front}  retries 0\n  timeout connect 900ms\n"
            f"  server box {place}:{port}{look_up}{http2}\n"
            f"backend {name}-docker\n{mode}{late if web else ''}  server box {place}:{port}{look_up}{http2}\n"
            + "".join(
                f"backend {name}-{place}\n{mode}{lost if web else ''}  server host {path}{http2}\n"
                for place, path in sockets
            )
        )
    return "\n".join(parts)


def lives(instance: Instance) -> bool:
    """Whether it answers."""
    try:
        return bool(ask(instance, "show version"))
    except OSError:
        return False


def wait(instance: Instance) -> None:
    """Wait until it answers after a start; DevError `gateway-lost` after READY_TIMEOUT."""
    deadline = time.monotonic() + READY_TIMEOUT
    while not lives(instance):
        if time.monotonic() > deadline:
            raise DevError(
                "gateway-lost", "the gateway does not answer",
                because=" / ".join(list(docker.rows(component(instance), last=4))) or "its container has no output",
                hint="./dev stop, then again",
            )  # fmt: skip
        time.sleep(0.02)


def tell(instance: Instance, owners: Mapping[str, object]) -> None:
    """Set each entry of its live owner map; a gateway that does not run reads the file when it starts.

    It does not know services that were declared after it was made; a start with containers makes it again.
    """
    words = [f"set map /run/dev/owner.map {name} {owner}" for name, owner in owners.items()]
    deadline = time.monotonic() + READY_TIMEOUT
    while True:
        try:
            said = ask(instance, ";".join(words))
            break
        except (FileNotFoundError, ConnectionRefusedError):
            return
        except OSError as problem:
            if time.monotonic() > deadline:
                raise DevError(
                    "gateway-lost", "the gateway does not accept its owner map", because=str(problem),
                    hint="./dev stop, then again",
                ) from problem  # fmt: skip
        time.sleep(0.02)
    refused = " / ".join(line for line in said.splitlines() if line.strip() and "entry not found" not in line)
    if refused:
        raise DevError("gateway-lost", "the gateway refused its owner map", because=refused, hint="./dev stop")


def busy(instance: Instance, name: str, placement: str) -> int:
    """Number of running requests of a service in one placement; 1 if the gateway does not answer in time."""
    try:
        rows = ask(instance, "show stat").splitlines()
    except (FileNotFoundError, ConnectionRefusedError):
        return 0
    except OSError:
        return 1
    for row in rows:
        words = row.split(",")
        if words[0] == f"{name}-{placement}" and words[1] == "BACKEND":
            return int(words[4])
    return 0


def ask(instance: Instance, line: str, timeout: float = 3.0) -> str:
    """The answer of its runtime socket; OSError if it does not run."""
    with connected(instance.routes, "haproxy.sock", timeout) as connection:
        connection.sendall(line.encode() + b"\n")
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode(errors="replace")


@contextlib.contextmanager
def connected(directory: Path, name: str, timeout: float) -> Iterator[socket.socket]:
    """A connection to a socket in a directory, whose absolute path may be too long for a socket address."""
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    short = Path(f"/proc/self/fd/{held}") if os.path.isdir("/proc/self/fd") else directory
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(str(short / name))
        yield connection
    finally:
        connection.close()
        os.close(held)


def _addresses(instance: Instance, names: list[str]) -> dict[str, str]:
    """Name -> fixed address of its container, with the gateway's under an empty name, so that no name is resolved.

    Empty if ./dev did not choose the network's address range.
    """
    try:
        (entry,) = own_files.document(instance.network_file)["networks"]["default"]["ipam"]["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if "ip_range" not in entry or FIRST + len(names) > 120:
        return {}
    network = IPv4Network(entry["subnet"])
    return {"": str(network[2])} | {name: str(network[FIRST + at]) for at, name in enumerate(names)}
