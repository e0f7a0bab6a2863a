"""Small repositories of the usual shapes, and what `./dev init` writes for each: `DEV_GOLDEN=write` writes it again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from converge import schema
from converge.adoption import compared, proposal, text
from converge.files_read import FilesRead

SHAPES = sorted(path.parent for path in Path(__file__).parent.glob("*/desired_state.toml"))
GOLDEN = [path for path in SHAPES if path.name != "repository"]
"""All but the one that is written by hand."""


@pytest.mark.parametrize("shape", GOLDEN, ids=lambda path: path.name)
def test_what_is_written_is_as_before_and_loads(shape: Path, tmp_path: Path) -> None:
    root = shutil.copytree(shape, tmp_path / shape.name, ignore=shutil.ignore_patterns("desired_state.toml"))
    draft = proposal.of(root)
    written, _ = text.written(draft)
    golden = shape / "desired_state.toml"
    if os.environ.get("DEV_GOLDEN") == "write":
        golden.write_text(written, "utf-8")
    assert written == golden.read_text("utf-8"), "if this is meant: DEV_GOLDEN=write, and read the difference"
    schema.parse(written.encode(), files=FilesRead(root))
    assert text.written(proposal.of(root))[0] == written, "two runs of one tree differ"
    assert compared.of(draft, written.encode(), "desired_state.toml") == (), "what was just written has moved on"
    unsaid = [
        f"{entry.name}.{line.key}"
        for entry in draft.entries for line in entry.lines
        if not (line.sources or line.guess or line.key == "path")
    ]  # fmt: skip
    assert unsaid == [], "a line says neither where it is from nor that it is a guess"
