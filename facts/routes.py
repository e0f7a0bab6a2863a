"""Where this machine sends packets: its IPv4 routes, those of VPN and LAN included. Linux."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Network
from pathlib import Path

from facts.value import dataclass

TABLE = Path("/proc/net/route")


@dataclass(frozen=True)
class Route:
    """One row of the main table."""

    interface: str
    network: IPv4Network


def look() -> tuple[Route, ...] | None:
    """The routes that are up; None without such a table (macOS)."""
    try:
        return parse(TABLE.read_text())
    except OSError:
        return None


def parse(text: str) -> tuple[Route, ...]:
    """`/proc/net/route`: addresses are hexadecimal numbers in the byte order of the machine."""
    found = []
    for row in text.splitlines()[1:]:
        fields = row.split()
        if len(fields) > 7 and int(fields[3], 16) & 1:
            address, mask = (socket.inet_ntoa(struct.pack("=I", int(fields[at], 16))) for at in (1, 7))
            found.append(Route(fields[0], IPv4Network((address, mask), strict=False)))
    return tuple(found)
