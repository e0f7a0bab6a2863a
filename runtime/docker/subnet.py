"""The range of an instance's Docker network: one that no route of this machine, VPN or LAN, leads to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from converge import atomic
from converge.instance import Instance
from facts import routes
from facts.engine import EngineError
from runtime.docker.compose import Project
from runtime.placements import docker

POOLS = ("10.192.0.0/11", "172.24.0.0/13", "192.168.128.0/17")
"""Where ranges are taken from, in this order, if the engine was told none: the upper parts of the private ranges,
which few routers hand out."""
BITS = 24
"""Length of the prefix: 254 containers."""
BROAD = 8
"""Routes with a shorter prefix lead everywhere (the default one, the two halves a VPN lays over it): not counted."""


def settle(project: Project, another: bool = False) -> None:
    """Write the file that gives the project's network its range; a network that collides by now is given up first.

    `another` range than the one of the file, where the engine refuses that one.
    """
    ways, path = routes.look(), project.instance.network_file
    if ways is None:  # the engine has a machine of its own, whose routes are not ours
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
    if chosen is None:  # whatever the engine takes is as good
        return
    if mine:
        give_up(project)
    upper = str(list(chosen.subnets(1))[1])  # the lower half is for addresses that are given: gateway.py
    content = {"networks": {"default": {"ipam": {"config": [{"subnet": str(chosen), "ip_range": upper}]}}}}
    atomic.write(path, json.dumps(content) + "\n")


def _taken(
    ways: Iterable[routes.Route], mine: Mapping[str, Any], others: Iterable[Mapping[str, Any]]
) -> list[IPv4Network]:
    """Ranges of other networks: of those of the engine, and of the ways of this machine that are not our bridge's."""
    bridge = f"br-{mine['Id'][:12]}" if mine else ""
    found = [way.network for way in ways if way.interface != bridge]
    return found + [network for row in others for network in _ranges(row)]


def _pools(project: Project) -> Iterable[str]:
    """Where its engine takes ranges from."""
    return [row["Base"] for row in project.engine.get("/info").get("DefaultAddressPools") or ()] or POOLS


def ours(instance: Instance, address: str) -> bool:
    """Whether the address lies in the range that the instance's network was given."""
    given = _given(instance)
    return given is not None and IPv4Address(address) in given


def _given(instance: Instance) -> IPv4Network | None:
    try:
        (entry,) = json.loads(instance.network_file.read_text())["networks"]["default"]["ipam"]["config"]
        return IPv4Network(entry["subnet"])
    except (OSError, ValueError, KeyError):
        return None


def choose(seed: str, taken: Iterable[IPv4Network], pools: Iterable[str] = POOLS) -> IPv4Network | None:
    """The first free range in an order that each instance has for itself; None if there is none."""
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
    """Delete the project's network. The containers on it go too; they are made anew on the next one."""
    for row in docker.containers(project.instance):
        project.engine.delete(f"/containers/{row['Id']}", 60, force="1")
    try:
        project.engine.delete(f"/networks/{project.name}_default")
    except EngineError as problem:
        if problem.status != 404:
            raise
