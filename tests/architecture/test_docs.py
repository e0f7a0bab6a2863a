"""Pages can be read in a terminal and name only files that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TOOL, tree

WIDTH = 120
PAGES = [name for name in tree() if name == "README.md" or (name.startswith("docs/") and name.endswith(".md"))]
MADE = (".dev/", ".vscode/", ".run/", ".idea/", "compose/env/")
"""Places that exist only after somebody has used the tool or an editor."""


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines outside of code blocks."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code:
            yield number, line


@pytest.mark.parametrize("page", PAGES)
def test_lines_wrap(page: str) -> None:
    text = (TOOL / page).read_text("utf-8")
    long = [
        f"{page}:{number}"
        for number, line in prose(text)
        if len(line) > WIDTH and not line.startswith("|") and " " in re.sub(r"`[^`]*`|\([^)]*\)", "", line).strip()
    ]
    assert long == []


@pytest.mark.parametrize("page", PAGES)
def test_paths_exist(page: str) -> None:
    """A path in backticks that begins with a folder of this repository is a file or folder of it; KIND is any name."""
    files = tree()
    folders = {str(parent) for name in files for parent in Path(name).parents}
    roots = {name.partition("/")[0] for name in files if "/" in name}
    wrong = [
        f"{page}:{number} names {path}"
        for number, line in prose((TOOL / page).read_text("utf-8"))
        for path in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)(?:::\w+)?`", line)
        if path.partition("/")[0] in roots and not path.startswith(MADE)
        and path not in files and path.rstrip("/") not in folders and not re.search(r"\b[A-Z]{2,}\.", path)
    ]  # fmt: skip
    assert wrong == []
