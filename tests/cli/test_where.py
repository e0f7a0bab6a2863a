"""A command works on the checkout in which one stands, wherever the tool is, and says so where that is not obvious."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import HEAD, TOOL, Checkout, Ran, removed

GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"]


def git(place: Path, *argv: str) -> None:
    subprocess.run([*GIT, "-C", str(place), *argv], check=True, capture_output=True)


def run(checkout: Checkout, here: Path, *argv: str, program: str = str(TOOL / "dev"), **env: str | None) -> Ran:
    ran = subprocess.run(
        [program, *argv], cwd=here, env=checkout.environment(env), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def state(place: Path, name: str = "inner") -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "desired_state.toml").write_text(HEAD.replace("story", name))
    return place


def itself(base: Path) -> tuple[Path, Path]:
    return state(base / "repository"), base / "repository"


def subdirectory(base: Path) -> tuple[Path, Path]:
    (base / "repository/a/b").mkdir(parents=True)
    return state(base / "repository"), base / "repository/a/b"


def one_inside_another(base: Path) -> tuple[Path, Path]:
    state(base / "repository")
    (base / "repository/nested/a").mkdir(parents=True)
    return state(base / "repository/nested"), base / "repository/nested/a"


def beside_a_nested_one(base: Path) -> tuple[Path, Path]:
    state(base / "repository/nested")
    (base / "repository/other").mkdir()
    return state(base / "repository"), base / "repository/other"


def by_a_linked_directory(base: Path) -> tuple[Path, Path]:
    (base / "repository/a").mkdir(parents=True)
    (base / "link").symlink_to("repository/a")
    return state(base / "repository"), base / "link"


def worktree(base: Path) -> tuple[Path, Path]:
    place = state(base / "repository")
    git(place, "init", "-q")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "x")
    git(place, "worktree", "add", "-q", str(place / "trees/two"))
    (place / "trees/two/a").mkdir()
    return place / "trees/two", place / "trees/two/a"


def submodule(base: Path) -> tuple[Path, Path]:
    part, whole = state(base / "part"), state(base / "whole", "outer")
    for place in (part, whole):
        git(place, "init", "-q")
        git(place, "add", "-A")
        git(place, "commit", "-qm", "x")
    git(whole, "submodule", "add", "-q", str(part), "libs/part")
    return whole / "libs/part", whole / "libs/part"


def submodule_without_a_state(base: Path) -> tuple[Path, Path]:
    _, inside = submodule(base)
    (inside / "desired_state.toml").unlink()
    return base / "whole", inside


def strange_name(base: Path) -> tuple[Path, Path]:
    place = base / "two\nlines and blanks" / ("ü" + "e\u0301" * 20 + "y" * 120) / "[red]$(id)"
    (place / "a").mkdir(parents=True)
    return state(place), place / "a"


PLACES: list[Callable[[Path], tuple[Path, Path]]] = [
    itself, subdirectory, one_inside_another, beside_a_nested_one, by_a_linked_directory, worktree, submodule,
    submodule_without_a_state, strange_name,
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_nearest_desired_state_upwards_decides(
    checkout: Checkout, tmp_path: Path, place: Callable[[Path], tuple[Path, Path]]
) -> None:
    target, here = place(tmp_path / "base")
    looked = run(checkout, here, "facts", "git", "--json")
    said = str(target).replace("\n", "\\n")
    assert f"working on {said}\n" in looked.err and looked.code == 0 and looked.json
    assert (target / ".dev/.gitignore").read_text() == "*\n"
    if place in (itself, worktree, strange_name):
        untrusted = run(checkout, here, "status", DEV_TRUST=None)
        assert "is not trusted" in untrusted.err and said in untrusted.err, "as the tool is elsewhere"
    if (target / ".git").exists():
        git(target, "add", "-A")
        staged = subprocess.run([*GIT, "-C", str(target), "ls-files", ".dev"], capture_output=True, check=True)
        assert staged.stdout == b"", "what the tool makes is never staged"


@pytest.mark.parametrize("how", ["link", "PATH", "link on PATH", "relative"])
def test_the_way_to_the_tool_does_not_decide(checkout: Checkout, tmp_path: Path, how: str) -> None:
    here = state(tmp_path / "repository")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/dev").symlink_to(TOOL / "dev")
    search = tmp_path / "bin" if how == "link on PATH" else TOOL
    ways = {"link": str(tmp_path / "bin/dev"), "relative": os.path.relpath(TOOL / "dev", here)}
    argv = [ways[how]] if how in ways else ["/bin/sh", "-c", "dev status"]
    path = f"{search}{os.pathsep}{os.environ['PATH']}"
    ran = run(checkout, here, *(argv[1:] or ["status"]), program=argv[0], PATH=path)
    assert ran.code == 0 and f"working on {here}\n" in ran.err


def test_with_a_name_or_in_its_own_checkout_nothing_is_said(checkout: Checkout, tmp_path: Path) -> None:
    state(checkout.path)
    assert "working on" not in run(checkout, state(tmp_path / "other"), "-C", str(checkout.path), "status").err
    assert "working on" not in run(checkout, TOOL / "docs", "facts", "git").err
    nowhere = run(checkout, tmp_path, "facts", "git")
    assert nowhere.code == 0 and f"no desired_state.toml here or above: working on {TOOL}\n" in nowhere.err


def test_a_current_directory_that_was_deleted_is_said(checkout: Checkout, tmp_path: Path) -> None:
    state(checkout.path)
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    for more, code in (((), 64), (("-C", "."), 64), (("-C", str(checkout.path)), 0)):
        (tmp_path / "gone").mkdir()
        argv = ["-c", script, "sh", str(tmp_path / "gone"), str(TOOL / "dev"), *more, "status"]
        ran = run(checkout, tmp_path, *argv, program="/bin/sh")
        assert ran.code == code and ("error[no-checkout]" in ran.err) == bool(code), ran.err


def test_a_long_and_strange_path_holds_a_whole_platform(checkout: Checkout, tmp_path: Path) -> None:
    target, here = strange_name(tmp_path / "base")
    (target / "desired_state.toml").write_text(HEAD + "[services.a]\nkind = 'command'\ndev = 'pwd; exec sleep 1000'\n")
    try:
        assert run(checkout, here, "start").code == 0
        assert "ready" in run(checkout, here, "status").out
        assert "[red]$(id)" in run(checkout, here, "logs", "a").out
    finally:
        stopped = run(checkout, here, "stop")
        Checkout(target.resolve(), checkout.home).end()
        removed(target)
    assert stopped.code == 0, stopped.err
