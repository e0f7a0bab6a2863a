"""The ports of a Compose service: published, inside of its container, and what each of them is for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from converge.adoption import loose
from converge.adoption.stack.layers import Container
from facts.value import dataclass

DEBUGGERS = frozenset([9229, 9230, 5678, 2345, 40000, 5005])
"""Ports on which the debuggers of Node, Python, Go and Java listen by default."""
CALLED: Mapping[int, str] = {
    50051: "grpc", 9090: "metrics", 9464: "metrics", 4317: "otlp", 4318: "otlp_http", 24678: "hmr", 8025: "ui",
    1025: "smtp", 15672: "management", 9001: "console", 8222: "monitor", 6060: "pprof", 5555: "flower",
    6006: "storybook",
}  # fmt: skip
"""Port inside of a container -> name of an additional port, where it is a usual one."""
_SHORT = re.compile(r"(?:(?:\[[0-9a-fA-F:]+\]|\d+\.[0-9.]+|localhost):)?(?:(\d{1,5})?:)?(\d{1,5})(?:/(tcp|udp))?")
_RANGE = re.compile(r"(?:\d+\.[0-9.]+:)?(\d{1,5})-\d{1,5}:(\d{1,5})-\d{1,5}(?:/tcp)?")


@dataclass(frozen=True)
class Mapped:
    """One entry of `ports`."""

    inside: int
    outside: int | None
    """None where Docker chooses one."""
    source: str


@dataclass(frozen=True)
class Odd:
    """An entry that cannot be one port."""

    said: str
    source: str


def of(container: Container) -> tuple[list[Mapped], list[Odd]]:
    """The TCP ports that it publishes, each once; and what could not be read."""
    found: dict[int, Mapped] = {}
    odd: list[Odd] = []
    for value, layer in container.all("ports"):
        for at, entry in enumerate(loose.listed(value)):
            source = layer.source("ports", at)
            for each in _entry(entry, source):
                if isinstance(each, Odd):
                    odd.append(each)
                elif each.inside not in found:
                    found[each.inside] = each
    return list(found.values()), odd


def exposed(container: Container) -> int | None:
    """The first port of `expose`."""
    found = (loose.number(each) for value, _ in container.all("expose") for each in loose.listed(value))
    return next((each for each in found if each), None)


def name(port: Mapped) -> str:
    """A name for an additional port."""
    return CALLED.get(port.inside, f"p{port.inside}")


def _entry(entry: Any, source: str) -> Iterator[Mapped | Odd]:
    if isinstance(entry, dict):
        inside, outside = loose.number(entry.get("target")), loose.text(entry.get("published"))
        if loose.text(entry.get("protocol")) != "udp":
            yield _mapped(inside, outside, source)
        return
    said = loose.text(entry)
    match = _SHORT.fullmatch(said)
    if match and match[3] == "udp":
        return
    spread = _RANGE.fullmatch(said)
    if match:
        yield _mapped(loose.number(match[2]), match[1] or "", source)
    elif spread:
        yield _mapped(loose.number(spread[2]), spread[1], source)
        yield Odd(f"all but the first port of the range {said}", source)
    else:
        yield Odd("the port", source)


def _mapped(inside: int | None, outside: str, source: str) -> Mapped | Odd:
    number = loose.number(outside)
    return Odd("the port", source) if inside is None or (outside and not number) else Mapped(inside, number, source)
