"""The reference has a place for every command, key and error code; the guides name only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli import reference
from cli.main import COMMANDS
from converge import schema
from converge.codes import CODES

TOOL = Path(__file__).resolve().parents[2]
PAGES = sorted([TOOL / "README.md", *(TOOL / "docs").rglob("*.md")])


def test_every_command_key_and_code_has_its_place() -> None:
    assert all(f"`./dev {name}" in "\n".join(reference.commands()) for name in COMMANDS)
    keys, tree = "\n".join(reference.state()), schema.json_schema()
    for model in (tree, *tree["$defs"].values()):
        assert all(f"`{name}`" in keys for name in model["properties"])
    assert all(f"`{code}`" in "\n".join(reference.errors()) for code in CODES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_what_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for name in re.findall(r"\./dev (?!--|-C|-h)([a-z]+(?:-[a-z]+)*)", text):
        assert name in COMMANDS, f"{page.name} names ./dev {name}"
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), f"{page.name} points to {target}"
