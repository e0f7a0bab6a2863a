"""The services of Compose with an image and no code of the checkout, as claims of [compose] and [infra]."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from converge.adoption import images, loose, names
from converge.adoption.evidence import Claim
from converge.adoption.stack import assigned, taken, variables
from converge.adoption.stack.assigned import Assigned
from converge.adoption.stack.layers import Container, Layer, Stack
from converge.adoption.stack.taken import Taken
from converge.desired import Infra
from facts.value import replace

_ONCE = re.compile(r"(.*[-_])?(init|setup|migrate|migrations?|seed|bootstrap|create-?buckets?|topics)([-_].*)?")
PROFILES = frozenset(["dev", "development", "local", "default", "infra", "db", "backend"])
"""Profiles with which people develop."""
PORTS = "ports" in Infra.__annotations__
"""Whether infrastructure can have named ports."""


def left_out(container: Container, ends: Collection[str]) -> str:
    """Why a container is no infrastructure; empty if it is. `ends` are those for whose end others wait."""
    repository = images.repository(loose.text(container.value("image")))
    if not container.value("image"):
        return "it has neither an image nor a build"
    if repository in images.PROXIES:
        return "it passes requests on to containers, and services run without containers here"
    if repository in images.ONCE or container.name in ends or _ONCE.fullmatch(container.name):
        return "it runs once and ends: make it a task, `migrate` of a service, or a service with once = true"
    return ""


def profiles(containers: Iterable[Container]) -> list[str]:
    """The profiles for development that image services are in."""
    found = {each for container in containers for each in loose.texts(container.value("profiles"))}
    return sorted(found & PROFILES)


def active(container: Container, chosen: Collection[str]) -> bool:
    """Whether a container is in no profile, or in a chosen one."""
    own = loose.texts(container.value("profiles"))
    return not own or bool(set(own) & set(chosen))


def files(stack: Stack, found: Taken, profiles: Collection[str]) -> Iterator[Claim]:
    """The claims of [compose]; `services` only where it is not all of them."""
    if not found.files:
        return
    names = tuple(each.name for each in found.files)
    source = f"{names[0]}:{found.files[0].source('services').rpartition(':')[2]}"
    value = names[0] if len(names) == 1 else names
    yield Claim(table="compose", key="file", value=value, source=source, guess=stack.guess)
    own = {each for layer in found.homes.values() for each in loose.texts(layer.table.get("profiles"))}
    if own := own & set(profiles):
        yield Claim(table="compose", key="profiles", value=tuple(sorted(own)), source=source)
    if not found.whole(own):
        yield Claim(table="compose", key="services", value=tuple(found.homes), source=source)


def claims(container: Container, found: Assigned, home: Layer | None) -> Iterator[Claim]:
    """What `[infra.NAME]` says besides the file of `home`, from which it is taken as it stands."""
    image = loose.text(container.value("image"))
    name, source = names.component(container.name), container.source("image")
    kind, main = images.kind(image), found.ports.get("")
    if kind:
        yield Claim(table="infra", of=name, key="kind", value=kind, source=source)
    if main:
        yield Claim(table="infra", of=name, key="port", value=main.number, source=main.source, guess=main.guess)
        if home and taken.first_port(home) != main.inside:
            yield Claim(table="infra", of=name, key="container_port", value=main.inside, source=main.source)
    for key, port in found.more.items() if PORTS else ():
        yield Claim(table="infra", of=name, key=f"ports.{key}", value=port.number, source=port.source)
    environment = {key: said for value, _ in container.all("environment") for key, said in loose.pairs(value).items()}
    said = environment.get("POSTGRES_DB")
    if said and kind == "postgres" and not variables.unknown(said) and said != kind:
        at = container.source("environment", "POSTGRES_DB")
        yield Claim(table="infra", of=name, key="databases", value=(said,), source=at)


def assigned_ports(container: Container, used: Collection[int]) -> Assigned:
    """Its ports; one that the file does not publish gets a number that is not `used`."""
    found = assigned.of(container, images.port(loose.text(container.value("image"))))
    main = found.ports.get("")
    if not main or not main.guess:
        return found
    number = next((each for each in range(main.number, 65536) if each not in used), main.number)
    return Assigned({**found.ports, "": replace(main, number=number)}, found.notes)
