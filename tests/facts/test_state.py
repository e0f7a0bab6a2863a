"""What is wrong with `.dev` is seen; what is repaired loses nothing, and the rest is for a person, with the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import facts.state
from cli import bootstrap, clean
from cli.context import Context
from converge import cycle, schema, temporaries, trust
from converge.context import context_of
from converge.desired import Loaded
from converge.errors import DevError
from converge.instance import Instance, make_own_directory
from converge.local_machine import LocalMachine
from converge.operations import state as operation
from converge.report import Report
from converge.steps import Step
from tests.conftest import TOOL, bound

HEAD = b'schema = 1\n[project]\nname = "x"\n[files.\'sub/deep/file\']\ncontent = "x"\n'


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Loaded, Instance]:
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    (tmp_path / "checkout/.dev").mkdir(parents=True)
    return schema.parse(HEAD), Instance(tmp_path / "checkout", "x")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def nothing(path: Path) -> None:
    path.touch()


def something(path: Path) -> None:
    path.write_text("content")


def empty_directory(path: Path) -> None:
    path.mkdir()


def directory(path: Path) -> None:
    (path / "below").mkdir(parents=True)


def applied(target: tuple[Loaded, Instance], **args: object) -> None:
    """One step of the operation, without a look before it."""
    with LocalMachine(context_of(*target)) as machine:
        operation.apply(Step("state.x", "state", "", "", args=args), machine)


def statuses(report: Report) -> dict[str, str]:
    return {item.id: item.status for item in report.items if item.noun == "state"}


@pytest.mark.parametrize("make", [pipe, bound, circle, dangling, nothing, empty_directory, something, directory])
@pytest.mark.parametrize("name", ["values", "journal", "cache", "env", "instances", "instances/default/run/a"])
def test_what_is_in_the_way_is_removed_if_it_is_empty(
    target: tuple[Loaded, Instance], name: str, make: Callable[[Path], None]
) -> None:
    path = target[1].dev / name
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    fits = make in ((nothing, something) if name in ("values", "journal") else (empty_directory, directory))
    fits = fits or (name == "env" and make in (nothing, something))  # it is the old name of `values`
    fits = fits or ("/run/" in name and make in (nothing, something))  # no component has that name: it is of others
    looked = cycle.doctor(*target, only=["state"])
    assert statuses(looked) == (
        {} if fits else {f"state.{name}": "manual" if make in (something, directory) else "drift"}
    )
    fixed = cycle.fix(*target, only=["state"])
    if make in (something, directory):
        assert path.exists() or (name, make) == ("env", something), "that was the name of `values` once"
    else:
        assert (
            statuses(fixed) == ({} if fits else {f"state.{name}": "changed"})
            and statuses(cycle.doctor(*target, only=["state"])) == {}
        )
        assert int(fixed.exit_code) == 0


@pytest.mark.parametrize("name", ["", "lock"])
def test_without_the_lock_nothing_is_repaired_and_the_command_is_given(
    target: tuple[Loaded, Instance], name: str
) -> None:
    path = target[1].dev / name if name else target[1].dev
    path.rmdir() if not name else None
    os.mkfifo(path)
    (item,) = cycle.doctor(*target, only=["state"]).items
    assert (item.status, item.hint) == ("manual", f"rm -d {path}")
    subprocess.run(["/bin/sh", "-c", item.hint], check=True)
    assert int(cycle.fix(*target, only=["state"]).exit_code) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root has every right")
@pytest.mark.parametrize(("name", "mode"), [("env", 0o500), ("cache", 0), ("values", 0o400), ("instances", 0o600)])
def test_rights_are_given_back(target: tuple[Loaded, Instance], name: str, mode: int) -> None:
    path = target[1].dev / name
    path.touch() if name == "values" else path.mkdir()
    path.chmod(mode)
    assert statuses(cycle.doctor(*target, only=["state"])) == {f"state.{name}": "drift"}
    assert int(cycle.fix(*target, only=["state"]).exit_code) == 0 and os.access(path, os.R_OK | os.W_OK)


@pytest.mark.parametrize("make", [None, nothing, pipe, circle, dangling, bound])
def test_git_sees_nothing_of_it_from_the_first_moment(
    target: tuple[Loaded, Instance], make: Callable[[Path], None] | None
) -> None:
    ignore = target[1].dev / ".gitignore"
    if make:
        make(ignore)
    make_own_directory(target[1].checkout)
    assert ignore.read_text() == "*\n" and not ignore.is_symlink()
    ignore.write_text("*\n!mine\n")
    make_own_directory(target[1].checkout)
    assert ignore.read_text() == "*\n!mine\n", "what a person wrote stays"


KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
from converge import atomic, beneath
os.replace = pathlib.Path.replace = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
path = pathlib.Path(sys.argv[3])
atomic.write(path, "secret") if sys.argv[2] == "atomic" else beneath.write(path.parent, path.name, b"secret", 0o600)
"""
PLACES = [".dev/values", ".dev/instances/default/placed/postgres", ".dev/env/a.env", "desired_state.local.toml",
          "sub/deep/file", ".dev/" + "ü" * 120, "the record of trust"]  # fmt: skip


@pytest.mark.parametrize("how", ["atomic", "beneath"])
@pytest.mark.parametrize("place", PLACES)
def test_what_a_kill_at_the_rename_left_is_deleted_by_the_next_repair(
    target: tuple[Loaded, Instance], place: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.path.realpath(tmp_path / "own"))
    record = trust.file(target[1].checkout)
    assert record
    path = record if place == "the record of trust" else target[1].checkout / place
    path.parent.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run([sys.executable, "-c", KILLED, str(TOOL), how, str(path)])
    assert ran.returncode == -signal.SIGKILL
    (left,) = path.parent.glob(".*.new")
    looked = cycle.doctor(*target, only=["state"])
    assert statuses(looked) == {"state.temporaries": "drift"} and str(left) in looked.items[0].found
    assert int(cycle.fix(*target, only=["state"]).exit_code) == 0
    assert not left.exists() and not path.exists()


@pytest.mark.parametrize(
    ("name", "goes"),
    [(".values.abcd1_23.new", True), (".values.999999999.1.new", True), ("x.new", False), (".x.new", False),
     (".values.OURS.1.new", False), (".values.99999999999999999999.1.new", True), ("values.1.1.new", False)],
)  # fmt: skip
def test_only_what_nobody_writes_any_more_is_left(tmp_path: Path, name: str, goes: bool) -> None:
    name = name.replace("OURS", str(os.getpid()))
    (tmp_path / name).touch()
    (tmp_path / "d").mkdir()
    (tmp_path / "d/.x.abcd1234.new").mkdir()
    assert temporaries.left(tmp_path) == ([str(tmp_path / name)] if goes else [])
    old = (1, 1)
    os.utime(tmp_path / name, old)
    assert bool(temporaries.left(tmp_path)) == (goes or str(os.getpid()) in name), "no write takes that long"


@pytest.mark.parametrize(
    "name", [".env.database.new", ".app.settings.new", ".notes.2026.12.new", "sub/deep/.other.999999999.1.new"]
)
def test_a_file_of_a_person_in_the_checkout_stays(target: tuple[Loaded, Instance], name: str) -> None:
    (target[1].checkout / "sub/deep").mkdir(parents=True)
    (target[1].checkout / name).write_text("mine")
    assert int(cycle.fix(*target, only=["state"]).exit_code) == 0
    assert (target[1].checkout / name).read_text() == "mine"


@pytest.mark.parametrize("link", ["sub", "sub/deep"])
def test_what_is_outside_stays(target: tuple[Loaded, Instance], tmp_path: Path, link: str) -> None:
    mine = tmp_path / "outside" / Path("sub/deep").relative_to(link) / ".file.999999999.1.new"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    place = target[1].checkout / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "outside")
    assert int(cycle.fix(*target, only=["state"]).exit_code) == 0 and mine.exists()


def test_a_leftover_that_is_gone_hides_no_other(target: tuple[Loaded, Instance]) -> None:
    gone, left = target[1].dev / ".a.999999999.1.new", target[1].dev / ".b.999999999.1.new"
    left.touch()
    applied(target, paths=[str(gone), str(left)])
    assert not left.exists()


@pytest.mark.parametrize(("name", "mode"), [("values", 0o400), ("journal", 0o444), ("cache", 0o500), ("env", 0o100)])
def test_the_mode_of_what_a_link_leads_to_stays(
    target: tuple[Loaded, Instance], tmp_path: Path, name: str, mode: int
) -> None:
    aim, path = tmp_path / "aim", target[1].dev / name
    want: facts.state.Want = "file" if name in ("values", "journal") else "directory"
    aim.touch() if want == "file" else aim.mkdir()
    aim.chmod(mode)
    path.symlink_to(aim)
    part = facts.state._denied(str(path), name, want, path.stat())
    assert (part.found, part.how) == (f"a link to a {want} of mode {mode:o}", "")
    with pytest.raises(DevError) as caught:
        applied(target, path=str(path), want=want, how="mode")
    assert "it is a link" in caught.value.because
    assert aim.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("make", [nothing, something, directory])
@pytest.mark.parametrize("name", ["instances/.DS_Store", "instances/Old", "instances/default/run/.gitkeep"])
def test_what_is_no_instance_and_no_component_is_left_alone(
    target: tuple[Loaded, Instance], name: str, make: Callable[[Path], None]
) -> None:
    path = target[1].dev / name
    path.parent.mkdir(parents=True)
    make(path)
    assert statuses(cycle.fix(*target, only=["state"])) == {} and path.is_dir() == (make is directory)
    (target[1].checkout / "desired_state.toml").write_bytes(HEAD)
    assert clean._others(Context(target[1].checkout)) == []


def test_first_runs_at_once_make_the_directory(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        for at in range(20):
            together = threading.Barrier(8)

            def first(own: Path, together: threading.Barrier) -> str:
                together.wait(60)
                bootstrap._make_own_directory(own)
                return (own / ".gitignore").read_text()

            own = tmp_path / str(at)
            assert set(threads.map(first, [own] * 8, [together] * 8)) == {"*\n"}
            assert {path.name for path in own.iterdir()} == {"venvs", ".gitignore"}
