"""Reads the Compose files for development: infrastructure, services, their environment and what starts before them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from converge.adoption import images, loose, names
from converge.adoption.addresses import Addresses
from converge.adoption.evidence import Claim, Note
from converge.adoption.stack import alone, built, components, imaged, scripts, taken, variables
from converge.adoption.stack.environment import Environment
from converge.adoption.stack.layers import Container
from converge.adoption.stack.variables import Lines
from converge.adoption.tree import Tree


def read(tree: Tree) -> Iterable[Claim | Note]:
    """The claims of [compose], [infra], [services] and [env]."""
    for each in _read(tree):
        if isinstance(each, Claim) and (
            unknown := variables.unknown(each.of + json.dumps(each.value, ensure_ascii=False))
        ):
            said = f"{each.key} is made of {', '.join(unknown)}, of which no file says a value"
            yield Note(source=each.source, said=said)
        else:
            yield each


def _read(tree: Tree) -> Iterator[Claim | Note]:
    found = components.of(tree)
    yield from imaged.files(found.stack, found.taken, found.profiles)
    for container in found.infra:
        home, chosen = found.taken.homes.get(container.name), found.ports[container.name]
        yield from imaged.claims(container, chosen, home)
        kind = images.kind(loose.text(container.value("image")))
        if home is None and not kind:
            yield from alone.claims(container, chosen)
        elif home is None and kind == "postgres":
            yield from _scripts(container, found)
    environment = Environment(Addresses(found.hosts()), _credentials(found.infra), Lines(tree), found.gone())
    for each in found.services:
        yield from built.claims(each, found.places)
        yield from built.ports_of(each)
        yield from environment.claims(each, found.needs[each.container.name])
    yield from found.said
    yield from taken.missing(tree, found.taken.homes)


def _scripts(container: Container, found: components.Components) -> Iterator[Claim | Note]:
    """The SQL for new data, where no image runs it."""
    files, source, others = scripts.of(container, found.places)
    if files:
        yield Claim(table="infra", of=names.component(container.name), key="init", value=tuple(files), source=source)
    if others:
        yield Note(source=source, said=f"only SQL can be given to new data: {', '.join(others[:5])}")


def _credentials(containers: Sequence[Container]) -> set[str]:
    """Values of variables of the image services that look secret."""
    return {
        said for each in containers for value, _ in each.all("environment")
        for name, said in loose.pairs(value).items() if said and names.secret(name)
    }  # fmt: skip
