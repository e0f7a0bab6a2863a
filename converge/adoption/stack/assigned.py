"""Which port of a container becomes `port` of its component, and what the others are called in `ports`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from converge.adoption import loose, names
from converge.adoption.stack import ports
from converge.adoption.stack.layers import Container
from facts.value import dataclass, field

LOWEST = 1024
"""Ports below it need root."""


@dataclass(frozen=True)
class Port:
    """One port of a component."""

    number: int
    """On this machine."""
    inside: int
    """In the container."""
    source: str
    guess: str = ""


@dataclass(frozen=True)
class Assigned:
    """The ports of a component, by name; "" is that of the main one."""

    ports: Mapping[str, Port] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()
    """Source and text of what was left out."""

    @property
    def more(self) -> dict[str, Port]:
        """Those beside the main one."""
        return {name: port for name, port in self.ports.items() if name}

    @property
    def inside(self) -> dict[int, str]:
        """Port in the container -> name."""
        return {each.inside: name for name, each in self.ports.items()}

    @property
    def outside(self) -> dict[int, str]:
        """Port on this machine -> name."""
        return {each.number: name for name, each in self.ports.items()}


def of(container: Container, usual: int | None = None) -> Assigned:
    """The ports that a container publishes; else the one that it exposes or that is `usual`.

    `usual` is the main one where it is published.
    """
    found, odd = ports.of(container)
    notes = [(each.source, f"{each.said} of {container.name} is not understood") for each in odd]
    assigned: dict[str, Port] = {}
    said = dict(_called(container))
    for each in sorted(found, key=lambda each: (each.inside != usual, each.inside in ports.DEBUGGERS)):
        if each.inside in ports.DEBUGGERS and assigned:
            notes.append((each.source, f"{each.inside} is for a debugger, which has a port of its own here"))
            continue
        name = "" if not assigned else said.get(each.inside) or ports.name(each)
        assigned[name if name not in assigned else f"p{each.inside}"] = _port(each)
    if not assigned and (number := ports.exposed(container) or usual):
        key = "expose" if container.value("expose") else "image"
        guess = "the Compose file publishes no port; this is the one in the container"
        assigned[""] = Port(number, number, container.source(key), guess)
    return Assigned(assigned, tuple(notes))


def _port(mapped: ports.Mapped) -> Port:
    if mapped.outside is None:
        guess = "the Compose file publishes no fixed port; this is the one in the container"
        return Port(mapped.inside, mapped.inside, mapped.source, guess)
    if mapped.outside < LOWEST:
        number = mapped.inside if mapped.inside >= LOWEST else mapped.outside + 8000
        return Port(
            number, mapped.inside, mapped.source, f"the Compose file publishes {mapped.outside}, which needs root"
        )
    return Port(mapped.outside, mapped.inside, mapped.source)


def _called(container: Container) -> Iterator[tuple[int, str]]:
    """Port in the container -> name, as its environment calls it: 50051 is `grpc` where GRPC_PORT is 50051."""
    for value, _ in container.all("environment"):
        for name, said in loose.pairs(value).items():
            number = loose.number(said)
            word = names.plain_word(name.lower().removesuffix("_port").removesuffix("port"))
            if number and word and name.lower().endswith("port"):
                yield number, word
