"""The ports of a service: which port of this machine leads to which port of its container."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from converge.compose_file.composed import Published

SHORT = re.compile(
    r"(?:(?:(?:\[[0-9a-fA-F:.%]+\]|[^:\[\]]*):)?(\d+)?(?:-(\d+))?:)?(\d+)(?:-(\d+))?(?:/(tcp|udp|sctp))?"
)
"""`[[ADDRESS:]HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]`."""
MOST = 200
"""Ports of one service."""


class Wrong(ValueError):
    """Why an entry of `ports` cannot be taken."""


def of(entry: Any) -> Iterator[Published]:
    """The ports of one entry of `ports`, short or long. Raises `Wrong`.

    Addresses are not looked at: here every port is published on loopback. Source: the Compose specification, "ports".
    """
    if isinstance(entry, dict):
        yield from _long(entry)
        return
    match = None if isinstance(entry, (bool, float)) else SHORT.fullmatch(str(entry).strip())
    if not match:
        raise Wrong(f"{str(entry)[:60]!r} is not HOST:CONTAINER")
    first, last, target, end, protocol = match.groups()
    yield from _pairs((first, last or first), (target, end or target), protocol or "tcp")


def _long(entry: dict[str, Any]) -> Iterator[Published]:
    target, published = str(entry.get("target") or ""), str(entry.get("published") or "")
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", published)
    if not target.isdecimal() or (published and not match):
        raise Wrong("`target` and `published` are not numbers")
    host = (match[1], match[2] or match[1]) if match else (None, None)
    yield from _pairs(host, (target, target), str(entry.get("protocol") or "tcp"))


def _pairs(
    host: tuple[str | None, str | None], target: tuple[str, str], protocol: str
) -> Iterator[Published]:  # fmt: skip
    ports = range(int(target[0]), int(target[1]) + 1)
    if not ports or ports[0] < 1 or ports[-1] > 65535 or len(ports) > MOST:
        raise Wrong(f"a range is of at most {MOST} ports from 1 to 65535, in their order")
    if host[0] is None or host[1] is None:
        yield from (Published(each, None, protocol) for each in ports)
        return
    numbers = range(int(host[0]), int(host[1]) + 1)
    if len(numbers) == len(ports):
        yield from (Published(each, number, protocol) for each, number in zip(ports, numbers, strict=True))
    elif len(ports) == 1 and numbers:  # Compose takes one of them that is free
        yield Published(ports[0], None, protocol)
    else:
        raise Wrong("the ranges of both sides have not the same length")
