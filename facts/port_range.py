"""The ports that the system gives to outgoing connections, where a program cannot rely on finding its own free."""

from __future__ import annotations

from facts.probe import LocalProbe
from facts.value import dataclass

RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
RESERVED = "/proc/sys/net/ipv4/ip_local_reserved_ports"
"""Source: https://docs.kernel.org/networking/ip-sysctl.html"""


@dataclass(frozen=True)
class PortRange:
    """First and last port of the range, and those in it that are reserved for programs; 0 where it is not known."""

    first: int = 0
    last: int = 0
    reserved: tuple[tuple[int, int], ...] = ()

    def gives(self, port: int) -> bool:
        """Whether an outgoing connection may get the port."""
        return self.first <= port <= self.last and not any(low <= port <= high for low, high in self.reserved)


def probe(name: str) -> LocalProbe:
    """`NAME`: the PortRange of this machine."""
    return LocalProbe(name, look)


def look() -> PortRange:
    """As the kernel says it now; empty on other systems than Linux."""
    try:
        with open(RANGE) as about, open(RESERVED) as more:
            return parse(about.read(), more.read())
    except (OSError, ValueError):
        return PortRange()


def parse(about: str, reserved: str) -> PortRange:
    """`32768\\t60999` and `8080,9148-9150`; ValueError for anything else."""
    first, last = map(int, about.split())
    pairs = [each.partition("-") for each in reserved.strip().split(",") if each]
    return PortRange(first, last, tuple((int(low), int(high or low)) for low, _, high in pairs))
