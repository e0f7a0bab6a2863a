"""Managed files and directories get their content and their mode, whatever was there and whatever the umask is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge.errors import DevError
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


@pytest.mark.parametrize("content", ["theirs", None])
@pytest.mark.parametrize("path", ["a", "a/b", "a/b/c"])
@pytest.mark.parametrize("where", ["outside", "inside", "nowhere", "itself"])
def test_no_link_is_followed_that_comes_after_the_look(
    tmp_path: Path, path: str, where: str, content: str | None
) -> None:
    checkout, leads = tmp_path / "checkout", {"nowhere": "../gone", "itself": "link"}.get(where, f"../{where}")
    for place in (checkout, tmp_path / "outside", checkout / "inside"):
        (place / "b/c").mkdir(parents=True, exist_ok=True)
        place.chmod(0o711)
    (checkout / "a").mkdir()
    link = checkout / path
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir():
        link.rmdir()
    link.symlink_to(leads if where == "itself" else tmp_path / "outside" if where == "outside" else leads)
    before = sorted(str(each) for each in tmp_path.rglob("*"))
    args = {"path": f"{path}/b/c/x" if content else f"{path}/b", "content": content, "mode": "700"}
    with pytest.raises(DevError) as caught:
        files.apply(Step("files.x", "files", "", "", args=args), LocalMachine(context("", checkout)))
    assert caught.value.code == "bad-path" and f"{link}: it is a link" in caught.value.because
    assert sorted(str(each) for each in tmp_path.rglob("*")) == before
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o711


def test_a_link_in_the_place_of_the_file_itself_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / "a").symlink_to("other")
    args = {"path": "a", "content": "ours", "mode": "600"}
    files.apply(Step("files.a", "files", "", "", args=args), LocalMachine(context("", tmp_path)))
    assert (tmp_path / "other").read_text() == "theirs" and (tmp_path / "a").read_text() == "ours"
    assert not (tmp_path / "a").is_symlink()
