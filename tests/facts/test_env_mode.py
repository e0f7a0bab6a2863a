"""Which files others than their owner can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facts import env
from facts.local import LocalReader
from facts.probe import observe


@pytest.mark.parametrize(
    ("mode", "found"), [(0o600, ""), (0o400, ""), (0o700, ""), (0o640, "640"), (0o604, "604"), (0o602, "602")]
)
def test_a_file_that_others_can_use_is_found(tmp_path: Path, mode: int, found: str) -> None:
    (tmp_path / "f").write_text("")
    (tmp_path / "f").chmod(mode)
    assert observe([env.readable(tmp_path / "f", "x")], LocalReader())["x"] == found


def test_what_is_no_file_is_not_judged(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o666)
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link", "absent", "."):
        assert observe([env.readable(tmp_path / name, "x")], LocalReader())["x"] == ""
