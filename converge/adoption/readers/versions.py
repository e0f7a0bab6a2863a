"""Versions of tools in the files of version managers and languages: `[tools] NAME = { from = "FILE" }`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree
from converge.pins import version_files

TOOLS = ("go", "node", "python", "rust", "pnpm", "yarn", "bun", "uv", "poetry", "deno")
DEEPEST = 2
"""Directories above such a file."""
OF_ONE = {".nvmrc": "node", ".node-version": "node", ".python-version": "python"}
"""File that has the version of one tool and not its name."""
EXACT = re.compile(r"\d+(\.\d+){0,3}")


def read(tree: Tree) -> Iterable[Claim | Note]:
    """The nearest to the root counts; one with another version becomes a comment."""
    found: dict[tuple[str, str], Claim] = {}
    for path in sorted(tree.named(*version_files.READERS), key=lambda each: (each.count("/"), each)):
        if path.count("/") > DEEPEST:
            continue
        for tool, version, line in _versions(tree, path):
            source = f"{path}:{line}"
            if EXACT.fullmatch(version):
                claim = Claim(table="tools", key=tool, value={"from": path}, source=source)
                found.setdefault((tool, version), claim)
            elif tool not in {known for known, _ in found}:
                yield Note(source=source, said=f"{tool} {version} is a range: [tools] takes one version, if it matters")
    yield from found.values()


def _versions(tree: Tree, path: str) -> Iterator[tuple[str, str, int]]:
    text, name = tree.text(path), path.rpartition("/")[2]
    for tool in (OF_ONE[name],) if name in OF_ONE else TOOLS:
        try:
            said = version_files.version(name, text, tool)
        except ValueError:
            return
        if said:
            yield tool, *said
