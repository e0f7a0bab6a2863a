"""Reads Kubernetes manifests, skaffold.yaml and Tiltfile for services and ports, where there is no Compose file."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from converge.adoption import images, loose, names
from converge.adoption.addresses import Addresses, Part, escaped
from converge.adoption.evidence import Claim, Note
from converge.adoption.manifests import Manifest, manifests
from converge.adoption.stack import files
from converge.adoption.stack.places import Places
from converge.adoption.tree import Tree
from facts.value import dataclass

WORKLOADS = frozenset(["Deployment", "StatefulSet", "DaemonSet"])
MOST = 200
"""Workloads that are read."""
_RESOURCE = re.compile(r"""(?:k8s_resource|local_resource|docker_build|helm_resource)\(\s*["']([\w./-]+)["']""")


@dataclass(frozen=True)
class Workload:
    """The first container of a workload."""

    name: str
    folder: str
    """Directory of its code; empty for infrastructure."""
    kind: str
    port: int | None
    number: int | None
    """Its port on this machine."""
    env: Mapping[str, tuple[str, str]]
    """Name -> value and source."""
    source: str
    at: str
    """Where its port is said."""
    place: str
    """Where the directory is said."""


def read(tree: Tree) -> Iterable[Claim | Note]:
    """Services with a directory, their ports and environment; infrastructure by its image."""
    if files.chosen(tree.paths).files:
        return
    found = list(_workloads(tree))
    hosts = {
        each.name: Part(each.name, each.kind, bool(each.folder), {each.port: ""} if each.port else {})
        for each in found if each.port
    }  # fmt: skip
    addresses = Addresses(hosts)
    for each in found:
        yield from _service(each, addresses) if each.folder else _infra(each)
    for path in tree.named("Tiltfile"):
        said = sorted({match[1] for match in _RESOURCE.finditer(tree.text(path))})
        if said:
            yield Note(
                source=f"{path}:1", said=f"resources of Tilt, of which only the names are read: {', '.join(said[:20])}"
            )


def _service(each: Workload, addresses: Addresses) -> Iterator[Claim]:
    def claim(key: str, value: str | int | tuple[str, ...], source: str, guess: str = "") -> Claim:
        return Claim(table="services", of=each.folder, key=key, value=value, source=source, guess=guess)

    yield claim("name", each.name, each.place)
    if each.number:
        guess = (
            "" if each.number == each.port else f"its container has port {each.port}, which another service has, too"
        )
        yield claim("port", each.number, each.at, guess)
    filled = addresses.variables({name: value for name, (value, _) in each.env.items()})
    called: dict[str, dict[str, str]] = {"needs": {}, "uses": {}}
    for name, (value, source) in each.env.items():
        if name in filled:
            yield claim(f"env.{name}", filled[name].text, source)
            for part in filled[name].named:
                if part != each.name:
                    called["uses" if addresses.hosts[part].service else "needs"].setdefault(part, source)
        elif name != "PORT" and names.VARIABLE.fullmatch(name) and not names.secret(name):
            yield claim(f"env.{name}", escaped(value), source)
    for key, parts in called.items():
        if parts:
            yield claim(key, tuple(parts), next(iter(parts.values())))


def _infra(each: Workload) -> Iterator[Claim | Note]:
    if not each.kind or not each.number:
        yield Note(source=each.source, said=f"{each.name} runs an image and has no directory here; it is left out")
        return
    yield Claim(table="infra", of=each.name, key="kind", value=each.kind, source=each.source)
    yield Claim(table="infra", of=each.name, key="port", value=each.number, source=each.at)


def _workloads(tree: Tree) -> Iterator[Workload]:
    found = Places(tree)
    taken: set[int] = set()
    seen: set[str] = set()
    artifacts = dict(_artifacts(tree))
    for each in manifests(tree):
        metadata = loose.table(each.tree.get("metadata"))
        name = names.component(loose.text(metadata.get("name")))
        if loose.text(each.tree.get("kind")) not in WORKLOADS or not name or name in seen or len(seen) >= MOST:
            continue
        seen.add(name)
        container, path = _container(each)
        if not container:
            continue
        image = loose.text(container.get("image"))
        folder, place = artifacts.get(images.repository(image)) or _folder(found, name, image, each.source(*path))
        port = _port(container) if folder or images.kind(image) else None
        number = next((free for free in range(port, 65536) if free not in taken), None) if port else None
        taken |= {number} if number else set()
        yield Workload(
            name, folder, images.kind(image), port, number, dict(_env(each, container, path)), each.source(*path),
            each.source(*path[:-1], "ports"), place,
        )  # fmt: skip


def _container(each: Manifest) -> tuple[dict[str, Any], tuple[str | int, ...]]:
    spec = loose.table(loose.table(loose.table(each.tree.get("spec")).get("template")).get("spec"))
    first = next(iter(loose.listed(spec.get("containers"))), None)
    return loose.table(first), ("spec", "template", "spec", "containers", 0, "image")


def _port(container: Mapping[str, Any]) -> int | None:
    numbers = (loose.number(loose.table(port).get("containerPort")) for port in loose.listed(container.get("ports")))
    return next((number for number in numbers if number), None)


def _env(
    each: Manifest, container: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[tuple[str, tuple[str, str]]]:
    for at, entry in enumerate(loose.listed(container.get("env"))):
        table = loose.table(entry)
        name = loose.text(table.get("name"))
        if name and "value" in table and "valueFrom" not in table:
            yield name, (loose.text(table["value"]), each.source(*path[:-1], "env", at))


def _folder(found: Places, name: str, image: str, source: str) -> tuple[str, str]:
    """The directory with a program that is called as the workload or its image; empty if it is not one."""
    for word in (name, images.repository(image)):
        near = [each for each in found.programs if posixpath.basename(each).lower() == word]
        if len(near) == 1:
            return near[0], source
    return "", source


def _artifacts(tree: Tree) -> Iterator[tuple[str, tuple[str, str]]]:
    """Image -> directory and source, of skaffold.yaml."""
    for each in manifests(tree, ("skaffold.yaml", "skaffold.yml")):
        home = posixpath.dirname(each.path)
        build = loose.table(each.tree.get("build"))
        for at, entry in enumerate(loose.listed(build.get("artifacts"))):
            image = images.repository(loose.text(loose.table(entry).get("image")))
            context = loose.text(loose.table(entry).get("context"))
            folder = posixpath.normpath(posixpath.join(home, context))
            if image and context and not folder.startswith(("..", "/")):
                yield image, (folder, each.source("build", "artifacts", at))
