"""Which files a migration depends on, and how their changes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge.desired import Service
from runtime.provision import inputs


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {}, ""), ({}, {"a": "1"}, "a is new"), ({"a": "1"}, {"a": "2"}, "a changed"),
        ({"a": "1"}, {}, "a is gone"),
        ({"b": "1", "c": "1"}, {"a": "1", "b": "2"}, "a is new, b changed, c is gone"),
        ({}, dict.fromkeys("abcd", "1"), "a is new, b is new, c is new and 1 more"),
        ({}, dict.fromkeys("abcde", "1"), "a is new, b is new, c is new and 2 more"),
    ],
)  # fmt: skip
def test_changes_are_told(old: dict[str, str], new: dict[str, str], told: str) -> None:
    both = {"command": "m", "environment": "e"}
    assert inputs.changes({**both, "files": old}, {**both, "files": new}) == told


@pytest.mark.parametrize(
    ("key", "told"), [("command", "its command changed"), ("environment", "its environment changed")]
)
def test_other_inputs_count_too(key: str, told: str) -> None:
    before = {"command": "m", "environment": "e", "files": {}}
    assert inputs.changes(before, {**before, key: "other"}) == told
    assert inputs.changes({key: before[key]}, {**before}) != ""


@pytest.mark.parametrize(
    ("patterns", "found"),
    [(["**/*.txt"], {"a.txt", "deep/er/b.txt"}), (["*.txt"], {"a.txt"}), (["deep"], {"deep/er/b.txt", "deep/c.md"}),
     (["deep/**/*.md", "a.*"], {"deep/c.md", "a.txt"}), (["none"], set())],
)  # fmt: skip
def test_patterns_name_files_at_every_depth(tmp_path: Path, patterns: list[str], found: set[str]) -> None:
    for name in ("a.txt", "deep/er/b.txt", "deep/c.md"):
        (tmp_path / "s" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "s" / name).write_text("")
    service = Service(kind="command", dev="x", path="s", migrate="m", migrate_inputs=patterns)
    assert {str(file.relative_to(tmp_path / "s")) for file in inputs.files(tmp_path, service)} == found
