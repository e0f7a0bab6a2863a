"""What was unpacked or installed is looked at itself: damage of any kind is named, and a copy of it is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from facts import dependencies, git, tools, unpacked
from facts.local import LocalReader
from facts.probe import observe
from facts.tools import Tool
from facts.value import Unknown

PROGRAM = "#!/bin/sh\necho hello 1.0\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A tool as the store has it: a program, a link to it, one that it runs itself, and the marker."""
    place = tmp_path / "zwölf Monde" / "hello"
    for name in ("bin/hello", "pkg/tool/linux/compile"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(PROGRAM)
        (place / name).chmod(0o755)
        os.utime(place / name, (1_000_000_000, 1_000_000_000))
    (place / "bin/hi").symlink_to("hello")
    (place / unpacked.RECORD).write_text(unpacked.record(place))
    (place / ".complete").write_text("wheel hello 1.0\n")
    return place


def look(home: Path, tool: str = "hello") -> Tool:
    found = observe([tools.probe(tool, "1.0", home / ".complete", "")], LocalReader())[f"tools.{tool}"]
    assert isinstance(found, Tool)
    return found


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted": (lambda at: (at / "bin/hello").unlink(), "bin/hello is gone"),
    "truncated": (lambda at: os.truncate(at / "bin/hello", 5), "bin/hello has 5 bytes"),
    "emptied": (lambda at: (at / "bin/hello").write_text(""), "bin/hello has 0 bytes"),
    "not executable": (lambda at: (at / "bin/hello").chmod(0o644), "bin/hello is not executable"),
    "garbage": (lambda at: (at / "bin/hello").write_bytes(b"\0" * len(PROGRAM)), "bin/hello has another content"),
    "a directory": (lambda at: replaced(at / "bin/hello", Path.mkdir), "bin/hello is not a regular file"),
    "a FIFO": (lambda at: replaced(at / "bin/hello", os.mkfifo), "bin/hello is not a regular file"),
    "its link is gone": (lambda at: (at / "bin/hi").unlink(), "bin/hi is gone"),
    "what it runs is gone": (lambda at: shutil.rmtree(at / "pkg"), "pkg/tool/linux/compile is gone"),
    "all is gone": (lambda at: shutil.rmtree(at / "bin"), "bin/hello is gone"),
    "garbage in the record": (lambda at: (at / unpacked.RECORD).write_text("{"), "cannot be read"),
    "a record without an end": (lambda at: os.truncate(at / unpacked.RECORD, 20 << 30), "cannot be read"),
    "a FIFO for a record": (lambda at: replaced(at / unpacked.RECORD, os.mkfifo), "cannot be read"),
    "a FIFO for a marker": (lambda at: replaced(at / ".complete", os.mkfifo), "cannot be read (it is a named pipe"),
    "a directory for a marker": (lambda at: replaced(at / ".complete", Path.mkdir), "cannot be read"),
    "bytes in the marker": (lambda at: (at / ".complete").write_bytes(b"\xff\xfe"), "cannot be read"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_tool_is_not_there(home: Path, name: str) -> None:
    assert look(home) == Tool("1.0", provider="wheel hello 1.0")
    harm, wanted = DAMAGE[name]
    harm(home)
    found = look(home)
    assert found.damage and wanted in found.damage and not found.version and not found.provider


@pytest.mark.parametrize("keep", ["copy2", "copy"])
def test_a_copy_of_the_store_is_whole(home: Path, tmp_path: Path, keep: str) -> None:
    shutil.copytree(home, tmp_path / "copy", symlinks=True, copy_function=getattr(shutil, keep))
    if keep == "copy":
        os.utime(tmp_path / "copy/bin/hello")
    assert not look(tmp_path / "copy").damage


@pytest.mark.parametrize(
    ("harm", "whole"),
    [
        (lambda at: None, True),
        (lambda at: (at / "bin/hello").write_text(""), False),
        (lambda at: (at / "bin/hello").chmod(0o600), False),
        (lambda at: shutil.rmtree(at / "bin") or shutil.rmtree(at / "pkg"), False),
    ],
)
def test_what_was_unpacked_before_there_were_records(home: Path, harm: Callable[[Path], object], whole: bool) -> None:
    (home / unpacked.RECORD).unlink()
    harm(home)
    assert bool(look(home).version) == whole


@pytest.fixture
def packages(tmp_path: Path) -> Callable[[], dependencies.Installed]:
    """Three packages, counted after they were installed; gives a look at them."""
    root = tmp_path / "zwölf Monde"
    for name in ("one", "two", "@scope/three"):
        (root / "node_modules" / name).mkdir(parents=True)
        (root / "node_modules" / name / "package.json").write_text("{}")
    (root / "node_modules/.package-lock.json").write_text("{}")
    (root / "package-lock.json").write_text("{}")
    patterns = [str(root / f"node_modules/{each}") for each in ("*", "*/package.json", "@*/*/package.json")]
    stamp, lock, there = tmp_path / "stamp", root / "package-lock.json", root / "node_modules"
    stamp.write_text(f"lock node=24\n{dependencies.count(patterns)}\n")

    def look() -> dependencies.Installed:
        found = observe([dependencies.probe("x", [lock], stamp, [str(there)], patterns)], LocalReader())[
            "dependencies.x"
        ]
        assert isinstance(found, dependencies.Installed)
        return found

    return look


def test_whole_dependencies_miss_nothing(packages: Callable[[], dependencies.Installed], tmp_path: Path) -> None:
    assert packages().stamp == "lock node=24" and packages().missing == 0
    (tmp_path / "zwölf Monde/node_modules/more").mkdir()
    assert packages().missing == 0
    (tmp_path / "stamp").write_text("lock node=24\n")  # of an older ./dev, which counted nothing
    assert packages().stamp == "lock node=24" and packages().missing is None


@pytest.mark.parametrize(
    ("gone", "missing"),
    [(["one"], 2), (["one/package.json"], 1), (["@scope/three/package.json"], 1), (["one", "two", "@scope"], 6)],
)
def test_dependencies_that_are_gone_are_counted(
    packages: Callable[[], dependencies.Installed], tmp_path: Path, gone: list[str], missing: int
) -> None:
    for name in gone:
        path = tmp_path / "zwölf Monde/node_modules" / name
        path.unlink() if path.is_file() else shutil.rmtree(path)
    assert packages().missing == missing


def test_without_their_directory_nothing_is_installed(
    packages: Callable[[], dependencies.Installed], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "zwölf Monde/node_modules")
    assert packages().stamp == "" and packages().lock


def repository(at: Path) -> object:
    return observe([git.probe(at)], LocalReader())["git"]


def test_no_repository_is_absent_and_its_hooks_are_read(tmp_path: Path) -> None:
    at = tmp_path / "zwölf Monde"
    at.mkdir()
    assert repository(at) == git.Repository(False)
    subprocess.run(["git", "init", "--quiet", at], check=True)
    assert repository(at) == git.Repository(True)
    subprocess.run(["git", "-C", at, "config", "core.hooksPath", ".githooks"], check=True)
    assert repository(at) == git.Repository(True, ".githooks")


@pytest.mark.parametrize("how", ["no HEAD", "bad config", "unreadable pointer", "another user's"])
def test_a_repository_that_git_cannot_read_is_unknown_with_its_words(tmp_path: Path, how: str) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    if how == "no HEAD":
        (tmp_path / ".git/HEAD").unlink()
    elif how == "bad config":
        (tmp_path / ".git/config").write_text("[core\n")
    elif how == "unreadable pointer":
        shutil.rmtree(tmp_path / ".git")
        (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    elif os.geteuid():
        pytest.skip("only root can give a directory away")
    else:
        for path in (tmp_path, tmp_path / ".git"):
            os.chown(path, 12345, 12345)
    found = repository(tmp_path)
    assert isinstance(found, Unknown) and found.because.startswith("git says: ") and len(found.because) > 20
