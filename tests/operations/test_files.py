"""Managed files and directories get their content and their mode, whatever was there and whatever the umask is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge.local_machine import LocalMachine
from converge.operations import files
from converge.steps import Step
from tests.operations.test_items import context


@pytest.fixture(params=[0o022, 0o077, 0o000])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize("mode", ["0600", "644", "0755"])
@pytest.mark.parametrize("before", [None, 0o600, 0o777])
def test_a_file_has_content_and_mode(tmp_path: Path, umask: int, mode: str, before: int | None) -> None:
    if before is not None:
        (tmp_path / "a").write_text("old")
        (tmp_path / "a").chmod(before)
    step = Step("files.a", "files", "make a", "", args={"path": "a", "content": "nëw", "mode": mode})
    files.apply(step, LocalMachine(context("", tmp_path)))
    assert (tmp_path / "a").read_text("utf-8") == "nëw"
    assert (tmp_path / "a").stat().st_mode & 0o777 == int(mode, 8)


@pytest.mark.parametrize("mode", ["0700", "755"])
def test_a_directory_has_its_mode(tmp_path: Path, umask: int, mode: str) -> None:
    step = Step("files.d", "files", "make d", "", args={"path": "d", "content": None, "mode": mode})
    for _ in range(2):
        files.apply(step, LocalMachine(context("", tmp_path)))
        assert (tmp_path / "d").stat().st_mode & 0o777 == int(mode, 8)
        (tmp_path / "d").chmod(0o711)
