"""A file is found whatever its owner is called, and what is behind a link counts, not the link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facts import files
from facts.local import LocalReader
from facts.probe import observe

LS = """#!/bin/sh
case $1 in *n*) exec /bin/ls "$@" ;; esac
printf '%s\\n' '-rw-r--r-- 1 OWNER 99999999999 Jan 1 00:00 x'
"""


@pytest.mark.parametrize("owner", ["CORP\\carol users", "CORP\\carol domain users", "a b c 1 2", "* *"])
def test_an_owner_of_any_name_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str) -> None:
    (tmp_path / "ls").write_text(LS.replace("OWNER", owner))
    (tmp_path / "ls").chmod(0o755)
    (tmp_path / "f").write_text("x")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = observe([files.probe("x", tmp_path / "f")], LocalReader())["x"]
    assert (found.kind, found.mode) == ("file", "644") and found.sha256.startswith("2d711642")


def test_a_link_to_a_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 20 << 30)
    (tmp_path / "link").symlink_to("large")
    assert observe([files.probe("x", tmp_path / "link")], LocalReader())["x"].sha256 == files.LARGER
