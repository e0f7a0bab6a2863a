"""The services of several Compose files, one laid over the other, with the line of every key."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

from converge.adoption import loose
from converge.adoption.evidence import Note
from converge.adoption.stack import files, variables
from converge.adoption.tree import Tree
from converge.compose_file import document
from converge.compose_file.document import Document
from converge.errors import DevError
from facts.value import dataclass

MOST_FILES = 20
"""Files that one reading takes, with those that they include or extend."""


@dataclass(frozen=True)
class Layer:
    """What one file says of a service."""

    document: Document
    path: tuple[str, str]
    """`services` and the name that the service has there."""
    folder: str
    """Directory, relative to the checkout, to which its paths are relative; empty for the root."""
    table: dict[str, Any]
    """Its keys."""

    def source(self, *keys: str | int) -> str:
        """`file:line` of a key."""
        return self.document.source(*self.path, *keys)


@dataclass(frozen=True)
class Container:
    """A service of Compose."""

    name: str
    layers: tuple[Layer, ...]
    """The weakest first."""

    def said(self, key: str) -> tuple[Any, Layer] | None:
        """The strongest value of a key, and the layer that has it."""
        return next(
            ((each.table[key], each) for each in reversed(self.layers) if each.table.get(key) is not None), None
        )

    def value(self, key: str) -> Any:
        """The strongest value of a key; None without one."""
        found = self.said(key)
        return found[0] if found else None

    def source(self, *keys: str | int) -> str:
        """`file:line` of a key, in the strongest layer that has it."""
        found = self.said(str(keys[0])) if keys else None
        return (found[1] if found else self.layers[-1]).source(*keys)

    def all(self, key: str) -> Iterator[tuple[Any, Layer]]:
        """Its values in every layer, the strongest first: lists and mappings of Compose are added to one another."""
        yield from ((each.table[key], each) for each in reversed(self.layers) if each.table.get(key) is not None)


@dataclass(frozen=True)
class Stack:
    """All that the Compose files of a repository say."""

    documents: tuple[Document, ...] = ()
    containers: tuple[Container, ...] = ()
    notes: tuple[Note, ...] = ()
    guess: str = ""


def read(tree: Tree) -> Stack:
    """The Compose files for development."""
    chosen = files.chosen(tree.paths)
    loader = _Loader(tree)
    for path in chosen.files:
        loader.add(path, path)
    names = dict.fromkeys(name for found in loader.documents.values() for name in _services(found))
    containers = (Container(name, tuple(loader.layers(name))) for name in names if name)
    notes = (*chosen.notes, *loader.notes)
    return Stack(
        tuple(loader.documents.values()), tuple(each for each in containers if each.layers), notes, chosen.guess
    )


def _services(found: Document) -> dict[str, Any]:
    said = found.tree.get("services")
    return said if isinstance(said, dict) else {}


def _layer(found: Document, name: str, folder: str) -> Layer:
    return Layer(found, ("services", name), folder, loose.table(_services(found)[name]))


def _folder(path: str) -> str:
    return posixpath.dirname(path)


class _Loader:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.lines = variables.Lines(tree)
        self.documents: dict[str, Document] = {}
        self.homes: dict[str, str] = {}
        self.known: dict[str, Document | None] = {}
        self.notes: list[Note] = []

    def add(self, path: str, home: str) -> None:
        """Take a file and those that it includes; paths in it are relative to the directory of `home`."""
        found = self.document(path)
        if not found or path in self.documents:
            return
        self.documents[path], self.homes[path] = found, _folder(home)
        for at, each in enumerate(loose.listed(found.tree.get("include"))):
            for said in loose.texts(loose.table(each).get("path") or each):
                inner = posixpath.normpath(posixpath.join(_folder(path), said))
                if inner in self.tree.paths:
                    self.add(inner, inner)
                else:
                    self.note(found.source("include", at), f"the file {said} that it includes is not in the repository")
        if not isinstance(found.tree.get("services", {}), dict):
            self.note(found.source("services"), "services is not a mapping")

    def document(self, path: str) -> Document | None:
        if path not in self.known:
            self.known[path] = None
            text = self.tree.text(path)
            try:
                if len(self.known) <= MOST_FILES:
                    self.known[path] = document.read(text.encode(), path, self.lines.of(path))
            except DevError as problem:
                self.note(problem.source, f"the Compose file cannot be read: {problem.because}")
        return self.known[path]

    def layers(self, name: str) -> Sequence[Layer]:
        found: list[Layer] = []
        for path, each in self.documents.items():
            if name in _services(each):
                if isinstance(_services(each)[name], dict):
                    found += self._extended(_layer(each, name, self.homes[path]), ())
                else:
                    self.note(each.source("services", name), f"the service {name[:60]} is not a mapping")
        return found

    def _extended(self, layer: Layer, seen: tuple[tuple[str, str], ...]) -> list[Layer]:
        """The layer, and before it the service that it extends."""
        said = layer.table.get("extends")
        name = loose.text(loose.table(said).get("service")) or loose.text(said)
        file = loose.text(loose.table(said).get("file"))
        if not name:
            return [layer]
        own = layer.document.name
        path = posixpath.normpath(posixpath.join(_folder(own), file)) if file else own
        found = self.document(path) if path in self.tree.paths else None
        if not found or (path, name) in seen or not isinstance(_services(found).get(name), dict):
            self.note(layer.source("extends"), f"the service {name[:60]} that it extends cannot be read")
            return [layer]
        home = layer.folder if path == own else _folder(path)
        return [*self._extended(_layer(found, name, home), (*seen, (path, name))), layer]

    def note(self, source: str, said: str) -> None:
        self.notes.append(Note(source=source, said=said))
