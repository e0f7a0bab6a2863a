"""A store in which another user could have put something is not used, and nothing of it runs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import schema, supply
from converge.errors import DevError
from converge.installers import rows
from converge.instance import Instance, store
from facts import owners
from runtime.environment import of_component
from runtime.platform import Platform
from tests import artefacts, stranger
from tests.conftest import TOOL, Checkout


def _store_of_another(store: Path) -> None:
    os.chown(store, stranger.UID, stranger.UID)


def _parent_of_another(store: Path) -> None:
    os.chown(store.parent, stranger.UID, stranger.UID)


def _all_may_write(store: Path) -> None:
    store.chmod(0o777)


def _group_may_write(store: Path) -> None:
    os.chown(store, 0, stranger.UID)
    store.chmod(0o775)


def _link_of_another(store: Path) -> None:
    store.rename(store.parent / "real")
    store.symlink_to("real")
    os.chown(store, stranger.UID, stranger.UID, follow_symlinks=False)


def _leads_to_another(store: Path) -> None:
    real = store.parent / "real"
    store.rename(real)
    store.symlink_to("real")
    os.chown(real, stranger.UID, stranger.UID)


TAKEN = [
    _store_of_another, _parent_of_another, _all_may_write, _group_may_write, _link_of_another, _leads_to_another,
]  # fmt: skip


@pytest.fixture
def forged(tmp_path: Path) -> Path:
    """A store whose tool `hello` only leaves a proof that it ran."""
    home = tmp_path / "above/store/tools/hello/1.0"
    (home / "bin").mkdir(parents=True)
    (home / "bin/hello").write_text(f"#!/bin/sh\ntouch {tmp_path}/proof\n")
    (home / "bin/hello").chmod(0o755)
    (home / ".complete").write_text("wheel hello 1.0\n")
    return tmp_path / "above/store"


@stranger.needs_root
@pytest.mark.parametrize("take", TAKEN)
def test_it_is_refused(take: Callable[[Path], None], forged: Path, checkout: Checkout, tmp_path: Path) -> None:
    checkout.state("[tools]\nhello = '1.0'\n[services.w]\nkind = 'command'\ndev = 'hello; sleep 9'\n")
    checkout.write("desired_state.lock", "schema = 1\n[tools]\n")
    checkout.env = {"DEV_STORE": str(forged)}
    take(forged)
    for argv in (("doctor",), ("doctor", "--fix"), ("start",)):
        ran = checkout.dev(*argv)
        said = ran.out + ran.err
        assert ran.code == 4 and f"store {forged} is not used" in said and "hint: correct its owner" in said, said
    assert not (tmp_path / "proof").exists()


@stranger.needs_root
@pytest.mark.parametrize("entry", ["hello", "hello/1.0", "hello/1.0/bin/hello"])
def test_one_tool_of_another_user_is_damage(entry: str, forged: Path, checkout: Checkout) -> None:
    checkout.state("[tools]\nhello = '1.0'\n")
    checkout.write("desired_state.lock", "schema = 1\n[tools]\n")
    checkout.env = {"DEV_STORE": str(forged)}
    assert checkout.dev("doctor").code == 0
    os.chown(forged / "tools" / entry, stranger.UID, stranger.UID)
    said = checkout.dev("doctor")
    assert said.code in (2, 65) and "belongs to uid" in said.out, said.out + said.err


@stranger.needs_root
@pytest.mark.parametrize("take", TAKEN)
def test_the_launcher_refuses_it_too(take: Callable[[Path], None], tmp_path: Path) -> None:
    """Before there is a Python: the one in the store is not even asked for its version."""
    (tmp_path / "cli").mkdir()
    (tmp_path / "dev").write_bytes((TOOL / "dev").read_bytes())
    rows = [f'archives.{each} = {{ url = "http://127.0.0.1:9/x.tar.gz", sha256 = "0" }}' for each in
            ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64")]  # fmt: skip
    text = "\n".join(["[tools.python]", 'pin = "3"', *rows, "[tools.q]", ""])
    (tmp_path / "desired_state.lock").write_text(text)
    home = tmp_path / "above/store/tools/python/3"
    (home / "bin").mkdir(parents=True)
    (home / "bin/python3").write_text(f"#!/bin/sh\ntouch {tmp_path}/proof\n")
    (home / "bin/python3").chmod(0o755)
    (home / ".complete").touch()
    take(tmp_path / "above/store")
    env = {**os.environ, "DEV_PYTHON": "standalone", "DEV_STORE": str(tmp_path / "above/store")}
    ran = subprocess.run(["sh", str(tmp_path / "dev")], env=env, capture_output=True, text=True)
    assert ran.returncode == 4 and "is not used" in ran.stderr and "hint:" in ran.stderr
    assert not (tmp_path / "proof").exists()


@stranger.needs_root
@pytest.mark.parametrize("mask", [0o000, 0o002, 0o077])
def test_no_umask_of_root_lets_others_write_or_keeps_postgres_out(
    mask: int, checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "index").mkdir()
    made = artefacts.wheel(tmp_path / "index")
    checkout.state("[tools]\nhello = '1.0'\n")
    checkout.write("desired_state.lock", artefacts.lock(made))
    checkout.env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(made.parent), "DEV_STORE": str(tmp_path / "a/store")}
    before = os.umask(mask)
    try:
        ran = checkout.dev("doctor", "--fix")
    finally:
        os.umask(before)
    assert ran.code == 0, ran.out + ran.err
    home = tmp_path / "a/store/tools/hello/1.0"
    way = [
        home / "bin/hello",
        home / "bin",
        home,
        home.parent,
        home.parent.parent,
        tmp_path / "a/store",
        tmp_path / "a",
    ]
    assert [stat.S_IMODE(path.stat().st_mode) for path in way] == [0o755] * 7
    own = [*(tmp_path / "a").rglob("*"), *(checkout.path / ".dev").rglob("*")]
    assert [path for path in own if not path.is_symlink() and path.stat().st_mode & 0o022] == []


@pytest.mark.parametrize("section", ["services", "infra"])
def test_node_loads_no_code_from_a_directory_that_all_users_share(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = next(map(str, store().glob("tools/node/2[2-9]*/bin/node")), None) or shutil.which("node")
    if not node:
        pytest.skip("no node in the store or on PATH")
    shared, module = tmp_path / "shared", tmp_path / "module.cjs"
    (shared / "node-compile-cache").mkdir(parents=True)  # another user was first
    module.write_text("module.exports = 1")
    monkeypatch.setenv("TMPDIR", str(shared))
    more = "kind = 'command'\ndev = 'true'" if section == "services" else "run = 'true'"
    text = f"schema = 1\n[project]\nname = 'x'\n[{section}.a]\n{more}\nport = 20001\n"
    platform = Platform(schema.parse(text.encode()), Instance(tmp_path, "x"))
    env = of_component(platform, platform.components["a"])
    code = f"require('module').enableCompileCache?.(); require({str(module)!r})"
    subprocess.run([node, "-e", code], env=env, check=True)
    assert list((shared / "node-compile-cache").iterdir()) == []
    assert env["NODE_COMPILE_CACHE"].startswith(str(tmp_path / ".dev/"))
    assert all(row.environment["NODE_COMPILE_CACHE"].startswith("{own}/") for row in rows.of_family("node"))


def test_a_place_of_ones_own_is_well(tmp_path: Path) -> None:
    open_to_all = tmp_path / "sticky"
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    (open_to_all / "mine").mkdir()
    assert owners.problem(open_to_all / "mine/not/there/yet") == ""
    open_to_all.chmod(0o777)
    assert "can be written by other users" in owners.problem(open_to_all / "mine")


@pytest.mark.parametrize("code", ["not-writable", "not-ours", "read-only", "disk-full"])
def test_a_store_that_cannot_be_written_names_the_way_to_have_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    with pytest.raises(DevError) as caught, supply._guard("go", "1.0", print):
        raise DevError(code, "it was not written", because="of that", hint="mend it, then run again")
    assert (caught.value.code, caught.value.because) == ("store-unwritable", "of that")
    assert caught.value.hint == "mend it; or set DEV_STORE to another directory"
