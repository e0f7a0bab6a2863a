"""The YAML documents of a repository that are objects of Kubernetes or of Skaffold, with the line of every key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from converge.adoption.tree import Tree
from converge.compose_file import document
from converge.compose_file.document import Document
from converge.errors import DevError
from facts.value import dataclass

MOST = 300
"""Files that are read."""
DEEPEST = 6
"""Directories above them."""
_OBJECT = re.compile(r"(?m)^apiVersion:\s*\S")
_BREAK = re.compile(r"(?m)^---[^\n]*\n")


@dataclass(frozen=True)
class Manifest:
    """One document of a file."""

    document: Document
    path: str
    first: int
    """Lines before it."""

    @property
    def tree(self) -> dict[str, Any]:
        """Its values."""
        return self.document.tree

    def source(self, *keys: str | int) -> str:
        """`file:line` of a key, or of the nearest one above it."""
        return f"{self.path}:{int(self.document.source(*keys).rpartition(':')[2]) + self.first}"


def manifests(tree: Tree, files: tuple[str, ...] = ("*.yaml", "*.yml")) -> Iterator[Manifest]:
    """Those that can be read; templates of Helm are no YAML and are left out."""
    paths = (path for path in tree.named(*files) if path.count("/") < DEEPEST and "/templates/" not in f"/{path}")
    for _, path in zip(range(MOST), paths, strict=False):
        text = tree.text(path)
        if not _OBJECT.search(text):
            continue
        begin = 0
        for end in [*(match.end() for match in _BREAK.finditer(text)), len(text)]:
            part = re.sub(r"(?m)^---[^\n]*\n\Z", "", text[begin:end])
            if _OBJECT.search(part):
                try:
                    found = document.read(part.replace("$", "$$").encode(), path, {})
                except DevError:
                    found = None
                if found:
                    yield Manifest(found, path, text.count("\n", 0, begin))
            begin = end
