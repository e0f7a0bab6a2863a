"""The services of Compose with an image and no code of the checkout, as claims of [compose] and [infra]."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from converge.adoption import images, loose, names
from converge.adoption.evidence import Claim, Note
from converge.adoption.stack import assigned, variables
from converge.adoption.stack.assigned import Assigned
from converge.adoption.stack.layers import Container, Stack
from converge.compose_file import verdicts
from facts.value import replace

_ONCE = re.compile(r"(.*[-_])?(init|setup|migrate|migrations?|seed|bootstrap|create-?buckets?|topics)([-_].*)?")
PROFILES = frozenset(["dev", "development", "local", "default", "infra", "db", "backend"])
"""Profiles with which people develop."""
DATABASE = ("POSTGRES_DB", "POSTGRESQL_DATABASE", "MYSQL_DATABASE", "MARIADB_DATABASE", "MONGO_INITDB_DATABASE")


def left_out(container: Container, ends: Collection[str]) -> str:
    """Why a container is no infrastructure; empty if it is. `ends` are those for whose end others wait."""
    repository = images.repository(loose.text(container.value("image")))
    for key, because in verdicts.REFUSED.items():
        if container.value(key) is not None and key != "extends":
            return f"{key}: {because}"
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


def files(stack: Stack, containers: Sequence[Container], all_images: bool) -> Iterator[Claim]:
    """The claims of [compose]; `services` only where it is not all of them."""
    taken = {layer.document.name for each in containers for layer in each.layers if layer.table.get("image")}
    found = tuple(each.name for each in stack.documents if each.name in taken)
    if not found:
        return
    source = f"{found[0]}:1"
    yield Claim(
        table="compose", key="file", value=found[0] if len(found) == 1 else found, source=source, guess=stack.guess
    )
    if chosen := profiles(containers):
        first = next(each for each in containers if loose.texts(each.value("profiles")))
        yield Claim(table="compose", key="profiles", value=tuple(chosen), source=first.source("profiles"))
    if not all_images:
        yield Claim(table="compose", key="services", value=tuple(each.name for each in containers), source=source)


def claims(container: Container, found: Assigned) -> Iterator[Claim | Note]:
    """What `[infra.NAME]` says besides the Compose file."""
    image = loose.text(container.value("image"))
    name, source = names.component(container.name), container.source("image")
    kind = images.kind(image)
    if kind:
        yield Claim(table="infra", of=name, key="kind", value=kind, source=source)
    yield from _port(container, name, found)
    environment = {key: said for value, _ in container.all("environment") for key, said in loose.pairs(value).items()}
    for variable in DATABASE:
        said = environment.get(variable)
        if said and kind and not variables.unknown(said) and said != kind:
            at = container.source("environment", variable)
            yield Claim(table="infra", of=name, key="databases", value=(said,), source=at)


def assigned_ports(container: Container, taken: Collection[int]) -> Assigned:
    """Its ports; one that the file does not publish gets a number that is not `taken`."""
    found = assigned.of(container, images.port(loose.text(container.value("image"))), low=True)
    main = found.ports.get("")
    if not main or not main.guess:
        return found
    number = next((each for each in range(main.number, 65536) if each not in taken), main.number)
    return Assigned({**found.ports, "": replace(main, number=number)}, found.notes)


def _port(container: Container, name: str, found: Assigned) -> Iterator[Claim | Note]:
    yield from (Note(source=source, said=said) for source, said in found.notes)
    if not found.ports:
        because = "publishes no port and its image is not known: services cannot reach it; add port in [infra]"
        yield Note(source=container.source("image"), said=f"{container.name} {because}")
    for key, port in found.ports.items():
        word = f"ports.{key}" if key else "port"
        yield Claim(table="infra", of=name, key=word, value=port.number, source=port.source, guess=port.guess)
