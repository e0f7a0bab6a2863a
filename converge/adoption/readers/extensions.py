"""Finds `CREATE EXTENSION` in SQL and migrations, and the SQL that a Compose file gives a fresh Postgres."""

from __future__ import annotations

import re
from collections.abc import Iterable

from converge.adoption.evidence import Claim, Note
from converge.adoption.stack import components
from converge.adoption.tree import Tree

MOST = 3000
"""Files that are searched."""
_FILE = re.compile(r".*\.sql|(?:.*/)?(?:migrations?|versions|alembic|prisma|drizzle|db)/.*\.(?:py|ts|js|prisma|rb|ex)")
_CREATE = re.compile(r"(?i)create\s+extension\s+(?:if\s+not\s+exists\s+)?\\?[\"']?([a-z][a-z0-9_-]*)")
_PLAIN = frozenset(["plpgsql", "if"])


def read(tree: Tree) -> Iterable[Claim | Note]:
    """`extensions` of the one Postgres of the Compose file; a note where there is none, or more than one."""
    found: dict[str, str] = {}
    for _, path in zip(range(MOST), (each for each in tree.paths if _FILE.fullmatch(each)), strict=False):
        text = tree.text(path)
        for match in _CREATE.finditer(text):
            name = match[1].lower()
            if name not in _PLAIN and name not in found:
                found[name] = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
    if not found:
        return
    servers = sorted({part.name for part in components.of(tree).hosts().values() if part.kind == "postgres"})
    source = next(iter(found.values()))
    if len(servers) == 1:
        yield Claim(table="infra", of=servers[0], key="extensions", value=tuple(found), source=source)
    else:
        said = f"extensions of Postgres: {', '.join(found)}; add them as `extensions` where its component is declared"
        yield Note(source=source, said=said)
