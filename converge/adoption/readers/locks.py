"""The installers that lock files need, where no file says in which version."""

from __future__ import annotations

import re
from collections.abc import Iterable

from converge.adoption import found
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree
from facts.value import dataclass


@dataclass(frozen=True)
class Need:
    """What a lock file is installed with."""

    files: tuple[str, ...]
    tool: str
    version: str
    form: re.Pattern[str] = re.compile("")
    """What the lock file has if this version reads it."""


NEEDS = (
    Need(("uv.lock", "requirements.lock", "requirements.txt"), "uv", "0.13"),
    Need(("poetry.lock",), "poetry", "2"),
    Need(("pnpm-lock.yaml",), "pnpm", "10", re.compile(r"^lockfileVersion: '?9", re.MULTILINE)),
    Need(("pnpm-lock.yaml",), "pnpm", "8", re.compile(r"^lockfileVersion: '?6", re.MULTILINE)),
    Need(("yarn.lock",), "yarn", "1.22", re.compile(r"^# yarn lockfile v1", re.MULTILINE)),
    Need(("bun.lock",), "bun", "1"),
)
"""For two of one tool the first counts that fits."""


def read(tree: Tree) -> Iterable[Claim | Note]:
    """A guess for each installer, by the lock file that is the nearest to the root."""
    seen = set[str]()
    for need in NEEDS:
        for path in sorted(tree.named(*need.files), key=lambda each: (each.count("/"), each)):
            if need.tool in seen or found.TESTS.search(path) or not need.form.search(tree.text(path)):
                continue
            seen.add(need.tool)
            guess = "it installs these packages, and no file says which version"
            yield Claim(table="tools", key=need.tool, value=need.version, source=f"{path}:1", guess=guess)
