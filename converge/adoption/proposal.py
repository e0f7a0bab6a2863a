"""The desired state that the files of a repository say: all readers, one draft, checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from converge.adoption import checked, reconcile
from converge.adoption.draft import Draft
from converge.adoption.evidence import Claim, Note
from converge.adoption.readers import (
    compose,
    devcontainer,
    dockerfile,
    env_example,
    extensions,
    go,
    kubernetes,
    migrations,
    node,
    others,
    procfile,
    python,
    tasks,
    versions,
)
from converge.adoption.tree import Tree

READERS = (
    compose, procfile, kubernetes, versions, go, python, node, others, migrations, extensions, env_example,
    devcontainer, tasks,
)  # fmt: skip
"""In the order of trust: of two values of one key the first counts."""


def of(root: Path) -> Draft:
    """The draft for a directory, which loads when it is written there. DevError if not even an empty one would."""
    tree = Tree(root)
    found = reconcile.draft(_said(tree), root.name)
    notes = found.notes
    if tree.strange:
        said = f"{tree.strange} files have names that cannot be printed; they were not read"
        notes = (*notes, Note(source=".", said=said))
    return checked.loading(Draft(entries=found.entries, notes=notes), root)


def _said(tree: Tree) -> Iterator[Claim | Note]:
    known = set[tuple[str, str]]()
    for module in READERS:
        for each in module.read(tree):
            if isinstance(each, Claim) and each.table == "services" and each.key in ("kind", "dev"):
                known.add((each.of, each.also))
            yield each
    for each in dockerfile.read(tree):
        if isinstance(each, Note) or (each.of, each.also) not in known:
            yield each
