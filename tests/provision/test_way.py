"""What root starts as another user has a way to its files, or the directory that is closed to it is named."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from converge.errors import DevError
from facts import owners
from runtime.infra import postgres
from tests.stranger import needs_root

COMPONENT: Any = SimpleNamespace(name="postgres")


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        (Path(made) / "a/b/c").mkdir(parents=True, mode=0o755)
        yield Path(made)


@needs_root
@pytest.mark.parametrize(
    ("closed", "mode", "path"),
    [("a", 0o700, "a/b/c/postgres"), ("a/b", 0o750, "a/b/c/postgres"), ("a/b", 0o744, "a/b/c"), ("a", 0, "a/missing"),
     ("a", 0o700, "link/c/postgres")],
)  # fmt: skip
def test_the_directory_that_is_closed_is_named(base: Path, closed: str, mode: int, path: str) -> None:
    (base / "link").symlink_to("a/b")
    (base / closed).chmod(mode)
    assert owners.closed(base / path, pwd.getpwnam("nobody")) == str(base / closed)
    with pytest.raises(DevError) as caught:
        postgres._check_way(COMPONENT, "nobody", base / path, "or set DEV_STORE")
    assert caught.value.code == "way-closed" and f"nobody cannot enter {base / closed}" in caught.value.because
    (command, _, _) = caught.value.hint.partition(", ")
    subprocess.run(["/bin/sh", "-c", command], check=True)
    postgres._check_way(COMPONENT, "nobody", base / path, "")


@needs_root
@pytest.mark.parametrize(("owner", "group", "mode"), [("nobody", 0, 0o700), ("root", -1, 0o710), ("root", 0, 0o711)])
def test_a_way_of_its_own_is_open(base: Path, owner: str, group: int, mode: int) -> None:
    account = pwd.getpwnam("nobody")
    os.chown(base / "a", pwd.getpwnam(owner).pw_uid, account.pw_gid if group < 0 else group)
    (base / "a").chmod(mode)
    assert owners.closed(base / "a/b/c/postgres", account) == ""
    postgres._check_way(COMPONENT, "nobody", base / "a/b/c/postgres", "")
    assert owners.closed(base / "a/b/c/not/there/yet/postgres", account) == ""
