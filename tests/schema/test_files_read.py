"""Files besides desired_state.toml that the desired state is made of: a change of one is seen past the cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from converge.files_read import MISSING, FilesRead, unchanged


def rewritten(file: Path) -> None:
    file.write_text("two")


def rewritten_in_the_same_moment(file: Path) -> None:
    about = file.stat()
    file.write_text("ONE")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))


def made_a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("change", [rewritten, rewritten_in_the_same_moment, Path.unlink, made_a_directory])
def test_a_change_of_a_file_that_was_read_is_noticed(tmp_path: Path, change: Callable[[Path], object]) -> None:
    file, files = tmp_path / "sub" / "a", FilesRead(tmp_path)
    file.parent.mkdir()
    file.write_text("one")
    assert files.text("sub/a") == "one"
    assert unchanged(tmp_path, files.known)
    change(file)
    assert not unchanged(tmp_path, files.known)


@pytest.mark.parametrize("path", ["a", "sub/a", "file/a"])
def test_a_file_that_was_missing_is_noticed_when_it_comes(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    files = FilesRead(tmp_path)
    assert files.content(path) is None
    assert files.known == {path: MISSING}
    assert unchanged(tmp_path, files.known)
    (tmp_path / "file").unlink()
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("")
    assert not unchanged(tmp_path, files.known)


def test_what_cannot_be_read_says_why_and_is_noted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    files = FilesRead(tmp_path)
    with pytest.raises(OSError, match="named pipe"):
        files.content("pipe")
    assert files.known == {"pipe": MISSING}
