"""The address range of an instance's Docker network: no route of this machine (LAN, VPN) may overlap it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from converge import atomic, own_files
from converge.instance import Instance
from facts import routes
from facts.engine import EngineError
from runtime.docker.compose import Project
from runtime.placements import docker

POOLS = ("10.192.0.0/11", "172.24.0.0/13", "192.168.128.0/17")
"""Pools of ranges, in this order, if the engine has no own: the upper parts of the private ranges, which few routers
assign."""
BITS = 24
"""Length of the prefix: 254 containers."""
BROAD = 8
"""Routes with a shorter prefix are ignored: the default route, and the two halves of it that a VPN adds."""


def settle(project: Project, another: bool = False) -> None:
    """Write the file that gives the project's network its range; a network that overlaps a route now is deleted first.

    `another`: choose a different range than that of the file, because the engine refused it.
    """
    ways, path = routes.look(), project.instance.network_file
    if ways is None:  # the engine runs in its own virtual machine, with other routes
        return
    if any(b"ipam" in file.read_bytes() for file in project.files if file != path):  # the team's own choice
        return
    networks = {row["Name"]: row for row in project.engine.get("/networks")}
    mine = networks.pop(f"{project.name}_default", {})
    taken = _taken(ways, mine, networks.values())
    now = next(iter(_ranges(mine)), None)
    if another:
        taken += [network] if (network := _given(project.instance)) else []
    elif now and not collides(now, taken) and path.exists():
        return
    chosen = choose(project.instance.id, taken, _pools(project))
    if chosen is None:  # no range is free: the engine chooses
        return
    if mine:
        give_up(project)
    upper = str(list(chosen.subnets(1))[1])  # the lower half is for the fixed addresses of gateway.py
    content = {"networks": {"default": {"ipam": {"config": [{"subnet": str(chosen), "ip_range": upper}]}}}}
    atomic.write(path, json.dumps(content) + "\n")


def _taken(
    ways: Iterable[routes.Route], mine: Mapping[str, Any], others: Iterable[Mapping[str, Any]]
) -> list[IPv4Network]:
    """Ranges of other networks: of the engine's, and of the routes of this machine except that of the bridge."""
    bridge = f"br-{mine['Id'][:12]}" if mine else ""
    found = [way.network for way in ways if way.interface != bridge]
    return found + [network for row in others for network in _ranges(row)]


def _pools(project: Project) -> Iterable[str]:
    """The pools from which its engine takes ranges."""
    return [row["Base"] for row in project.engine.get("/info").get("DefaultAddressPools") or ()] or POOLS


def ours(instance: Instance, address: str) -> bool:
    """Whether the address is in the range of the instance's network."""
    given = _given(instance)
    return given is not None and IPv4Address(address) in given


def _given(instance: Instance) -> IPv4Network | None:
    try:
        (entry,) = own_files.document(instance.network_file)["networks"]["default"]["ipam"]["config"]
        return IPv4Network(entry["subnet"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def choose(seed: str, taken: Iterable[IPv4Network], pools: Iterable[str] = POOLS) -> IPv4Network | None:
    """The first free range, in an order that depends on the instance; None if none is free."""
    known = list(taken)
    return next((network for network in _candidates(seed, pools) if not collides(network, known)), None)


def collides(network: IPv4Network, taken: Iterable[IPv4Network]) -> bool:
    """Whether any of the others overlaps."""
    return any(network.overlaps(other) for other in taken if other.prefixlen >= BROAD)


def _candidates(seed: str, pools: Iterable[str]) -> Iterator[IPv4Network]:
    for pool in (IPv4Network(text) for text in pools if ":" not in text):
        count = 1 << max(0, BITS - pool.prefixlen)
        start = int(seed, 16) % count
        for step in range(count):
            base = int(pool.network_address) + ((start + step) % count << (32 - BITS))
            yield IPv4Network((base, max(BITS, pool.prefixlen)))


def _ranges(row: Mapping[str, Any]) -> list[IPv4Network]:
    ipam = row.get("IPAM")
    config = ipam.get("Config") if isinstance(ipam, dict) else None
    texts = [str(entry.get("Subnet", "")) for entry in config or ()]
    return [IPv4Network(text) for text in texts if "." in text]


def give_up(project: Project) -> None:
    """Delete the project's network. Its containers are deleted too; they are made again with the next network."""
    for row in docker.containers(project.instance):
        project.engine.delete(f"/containers/{row['Id']}", 60, force="1")
    try:
        project.engine.delete(f"/networks/{project.name}_default")
    except EngineError as problem:
        if problem.status != 404:
            raise
