"""The rig's part of the network: a bridge and a range that collide with nothing, and the way out.

The engine runs with `--iptables=false`: when a second dockerd 20.10 starts on a machine, it removes the chains of the
first and with them its published ports.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.real.place import SBIN, Place

CANDIDATES = [ipaddress.IPv4Network(f"10.{second}.0.0/16") for second in (213, 217, 221, 89, 93, 97)]


def bring_up(place: Place) -> ipaddress.IPv4Network:
    """The bridge with its address and the rules for its range; gives the range."""
    current = _range_of(place)
    if current is None:
        current = _free_range()
        _run("ip", "link", "add", place.bridge, "type", "bridge")
        _run("ip", "address", "add", f"{gateway(current)}/24", "dev", place.bridge)
    _run("ip", "link", "set", place.bridge, "up")
    for rule in _rules(place, current):
        if _ran("iptables", "-w", *rule("-C")).returncode:
            _run("iptables", "-w", *rule("-I"))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    return current


def take_down(place: Place) -> None:
    """Remove what `bring_up` made, as far as it is there."""
    current = _range_of(place)
    if current is None:
        return
    for rule in _rules(place, current):
        while not _ran("iptables", "-w", *rule("-D")).returncode:
            pass
    _run("ip", "link", "delete", place.bridge)


def gateway(network: ipaddress.IPv4Network) -> str:
    """The machine's own address on the bridge."""
    return str(network.network_address + 1)


def pool(network: ipaddress.IPv4Network) -> str:
    """The half of the range from which the engine takes the subnets of its networks."""
    return str(list(network.subnets(1))[1])


def _rules(place: Place, network: ipaddress.IPv4Network) -> Iterator[Callable[[str], tuple[str, ...]]]:
    whole = str(network)
    mark = ("-m", "comment", "--comment", place.bridge)
    yield lambda verb: (verb, "FORWARD", "-s", whole, *mark, "-j", "ACCEPT")
    yield lambda verb: (verb, "FORWARD", "-d", whole, *mark, "-j", "ACCEPT")
    yield lambda verb: ("-t", "nat", verb, "POSTROUTING", "-s", whole, "!", "-d", whole, *mark, "-j", "MASQUERADE")


def _range_of(place: Place) -> ipaddress.IPv4Network | None:
    ran = _ran("ip", "-json", "-4", "address", "show", "dev", place.bridge)
    if ran.returncode:
        return None
    for entry in json.loads(ran.stdout or "[]"):
        for address in entry.get("addr_info", []):
            return ipaddress.IPv4Network(f"{address['local']}/16", strict=False)
    _run("ip", "link", "delete", place.bridge)  # it was cut off before it had its address
    return None


def _free_range() -> ipaddress.IPv4Network:
    taken = [ipaddress.ip_network(f"{server}/32") for server in _name_servers()]
    for route in json.loads(_run("ip", "-json", "-4", "route", "show", "table", "all")):
        if route["dst"] not in ("default", "0.0.0.0/0"):
            taken.append(ipaddress.ip_network(route["dst"], strict=False))
    for candidate in CANDIDATES:
        if not any(candidate.overlaps(network) for network in taken if network.version == 4):
            return candidate
    raise RuntimeError(f"every range of the rig is in use: {', '.join(map(str, CANDIDATES))}")


def _name_servers() -> list[str]:
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith("nameserver") and "." in line]


def _run(*argv: str) -> str:
    ran = _ran(*argv)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {ran.stderr.strip()}")
    return ran.stdout


def _ran(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, env={"PATH": SBIN})
