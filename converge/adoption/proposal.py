"""The desired state that the files of a repository say: all readers, one draft, checked."""

from __future__ import annotations

from pathlib import Path

from converge.adoption import checked, reconcile, unsaid, wanted
from converge.adoption.draft import Draft
from converge.adoption.evidence import Note
from converge.adoption.readers import (
    compose,
    devcontainer,
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
    claims = [each for module in READERS for each in module.read(tree)]
    claims += unsaid.read(tree, claims)
    found = reconcile.draft(claims, root.name)
    notes = found.notes
    if tree.strange:
        said = f"{tree.strange} files have names that cannot be printed; they were not read"
        notes = (*notes, Note(source=".", said=said))
    plain = checked.loading(Draft(entries=found.entries, notes=notes), root)
    return checked.loading(wanted.with_tools(plain, tree), root)
