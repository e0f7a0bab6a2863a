"""A container that is in no file of [compose], as an entry of [infra] that needs no Compose file."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from typing import Any

from converge.adoption import loose, names
from converge.adoption.addresses import escaped
from converge.adoption.evidence import Claim, Note, Value
from converge.adoption.stack import variables
from converge.adoption.stack.assigned import Assigned
from converge.adoption.stack.layers import Container, Layer

TAKEN = frozenset(["image", "ports", "command", "environment", "volumes", "restart", "networks", "container_name",
                   "depends_on", "healthcheck", "expose", "profiles", "labels", "hostname", "logging"])  # fmt: skip
"""Keys that such an entry has, or has no need of."""


def claims(container: Container, found: Assigned) -> Iterator[Claim | Note]:
    """Its image, port in the container, command, variables and volumes; a note on every other key."""
    main = found.ports.get("")
    name = names.component(container.name)

    def claim(key: str, value: Value, source: str) -> Claim:
        return Claim(table="infra", of=name, key=key, value=value, source=source)

    image = loose.text(container.value("image"))
    if main is None or variables.unknown(image):
        return
    yield claim("image", image, container.source("image"))
    yield claim("container_port", main.inside, main.source)
    if command := _command(container.value("command")):
        yield claim("command", command, container.source("command"))
    for variable, (value, source) in _environment(container).items():
        yield claim(f"env.{variable}", escaped(value), source)
    volumes = [each for said, layer in container.all("volumes") for each in _volumes(said, layer)]
    if volumes:
        yield claim("volumes", tuple(dict.fromkeys(volumes)), container.source("volumes"))
    if left := sorted({key for layer in container.layers for key in layer.table} - TAKEN):
        yield Note(source=container.source(left[0]), said=f"{', '.join(left)} of {container.name} is not taken")


def _command(said: Any) -> tuple[str, ...]:
    try:
        words = shlex.split(said) if isinstance(said, str) else loose.texts(said)
    except ValueError:
        return ()
    return () if any(variables.unknown(word) for word in words) else tuple(words)


def _environment(container: Container) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for said, layer in container.all("environment"):
        for at, (name, value) in enumerate(loose.pairs(said).items()):
            if (
                names.VARIABLE.fullmatch(name)
                and value is not None
                and not variables.unknown(value)
                and name not in found
            ):
                found[name] = value, layer.source("environment", at if isinstance(said, list) else name)
    return found


def _volumes(said: Any, layer: Layer) -> Iterator[str]:
    """Those with a name, and those of a file or directory of the checkout."""
    for entry in map(loose.text, loose.listed(said)):
        source, colon, rest = entry.partition(":")
        if not colon or not rest.startswith("/") or variables.unknown(entry):
            continue
        if source.startswith("."):
            path = posixpath.normpath(posixpath.join(layer.folder, source))
            if not path.startswith(".."):
                yield f"./{path}:{rest}"
        elif names.component(source) and not source.startswith(("/", "~")):
            yield f"{names.component(source)}:{rest}"
