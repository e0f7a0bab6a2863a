"""A checkout that was moved finds its data; a copy, a new one at its place and a liar do not find those of another."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import identity
from converge.instance import Instance
from tests.conftest import Checkout


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    (tmp_path / "user").mkdir()
    return tmp_path / "user"


def place(checkout: Path, name: str = "") -> tuple[Path, str, Path]:
    return checkout, name, Instance(checkout, "x", name).state


def started(checkout: Path, name: str = "") -> Instance:
    """An instance after its first start."""
    place(checkout, name)[2].mkdir(parents=True)
    identity.settle(*place(checkout, name))
    return Instance(checkout, "x", name)


def keys(instance: Instance) -> tuple[str, str]:
    """By what data are found: root's native ones, and Docker's volumes."""
    return f"/var/lib/dev/data/{instance.id}", instance.compose_project


def renamed(old: Path, new: Path) -> None:
    old.rename(new)


def copied_and_deleted(old: Path, new: Path) -> None:
    shutil.copytree(old, new)
    shutil.rmtree(old)


def moved_twice(old: Path, new: Path) -> None:
    old.rename(old.with_name("between"))
    for name in ("", "two"):
        identity.settle(*place(old.with_name("between"), name))
    old.with_name("between").rename(new)


def moved_away_from_a_new_one(old: Path, new: Path) -> None:
    old.rename(new)
    (old / ".dev/instances/default").mkdir(parents=True)


@pytest.mark.parametrize("name", ["", "two"])
@pytest.mark.parametrize("how", [renamed, copied_and_deleted, moved_twice, moved_away_from_a_new_one])
def test_what_was_moved_finds_its_data(tmp_path: Path, how: Callable[[Path, Path], None], name: str) -> None:
    old, new = tmp_path / "old", tmp_path / "newer" / "né w"
    new.parent.mkdir()
    before = started(old, name)
    how(old, new)
    now = Instance(new, "x", name)
    assert keys(now) == keys(before)
    former = identity.settle(*place(new, name))
    assert former == str(tmp_path / ("between" if how is moved_twice else "old"))
    assert identity.settle(*place(new, name)) == "" and keys(Instance(new, "x", name)) == keys(before)
    if how is moved_away_from_a_new_one:
        assert keys(Instance(old, "x", name)) != keys(before), "the id is taken"
        other = started(tmp_path / "unrelated")
        identity.settle(*place(old, name))
        assert len({keys(each) for each in (Instance(old, "x", name), now, other)}) == 3


def test_a_copy_begins_with_data_of_its_own(tmp_path: Path) -> None:
    original = started(tmp_path / "original")
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    copy = place(tmp_path / "copy")
    assert keys(Instance(copy[0], "x")) != keys(original) and identity.copied_from(*copy) == str(tmp_path / "original")
    assert identity.settle(*copy) == "" and identity.copied_from(*copy) == ""
    mine = keys(Instance(copy[0], "x"))
    shutil.rmtree(tmp_path / "original")
    assert keys(Instance(copy[0], "x")) == mine != keys(original), "it has begun, so it takes no other data"
    (tmp_path / "copy").rename(tmp_path / "elsewhere")
    assert keys(Instance(tmp_path / "elsewhere", "x")) == mine


def guessed(there: dict[str, str]) -> bytes:
    return json.dumps({"id": there["id"], "token": "0" * 32}).encode()


def without_a_token(there: dict[str, str]) -> bytes:
    return json.dumps({"id": there["id"], "token": ""}).encode()


def a_way_out(there: dict[str, str]) -> bytes:
    return json.dumps({"id": "../trust/x", "token": there["token"]}).encode()


def of_another_type(there: dict[str, str]) -> bytes:
    return json.dumps([there["id"], {"token": there["token"]}]).encode()


def deep(there: dict[str, str]) -> bytes:
    return b"[" * 4000


def not_text(there: dict[str, str]) -> bytes:
    return b"\xff\0"


def half_a_character(there: dict[str, str]) -> bytes:
    return json.dumps({"id": there["id"], "token": "\ud800"}).encode()


CLAIMS = [guessed, without_a_token, a_way_out, of_another_type, deep, not_text, half_a_character]


@pytest.mark.parametrize("name", ["", identity.FORMER])
@pytest.mark.parametrize("claim", CLAIMS)
def test_what_a_foreign_checkout_says_gives_it_nobodys_data(
    tmp_path: Path, claim: Callable[[dict[str, str]], bytes], name: str
) -> None:
    victim = started(tmp_path / "victim")
    said = json.loads(identity.file(victim.state).read_text())
    shutil.rmtree(tmp_path / "victim")  # also where nobody is at that path any more
    foreign = Instance(tmp_path / "foreign", "x")
    expected = foreign.id
    foreign.state.mkdir(parents=True)
    (foreign.state / (name or identity.file(foreign.state).name)).write_bytes(claim(said))
    assert Instance(tmp_path / "foreign", "x").id == expected != victim.id
    identity.settle(*place(tmp_path / "foreign"))
    assert Instance(tmp_path / "foreign", "x").id == expected


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path.name)])
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, make: Callable[[Path], None]) -> None:
    instance = started(tmp_path / "a")
    identity.file(instance.state).unlink()
    make(identity.file(instance.state))
    assert Instance(tmp_path / "a", "x").id == instance.id
    assert identity.settle(*place(tmp_path / "a")) == ""


@pytest.mark.parametrize("former", [False, True])
def test_a_start_with_another_home_takes_the_id_from_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, former: bool
) -> None:
    before = started(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    now = place(tmp_path / "new")
    identity.settle(*now)
    if former:  # the file of a version before this one
        identity.file(now[2]).rename(now[2] / identity.FORMER)
    (tmp_path / "vscode").mkdir()
    with monkeypatch.context() as container:
        container.setenv("HOME", str(tmp_path / "vscode"))
        identity.settle(*now)
        assert keys(Instance(tmp_path / "new", "x")) != keys(before), "data of another user's"
    assert keys(Instance(tmp_path / "new", "x")) == keys(before)


def test_without_a_home_it_follows_from_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    instance = started(tmp_path / "a")
    assert not identity.file(instance.state).exists() and len(instance.id) == 10
    (tmp_path / "a").rename(tmp_path / "b")
    assert Instance(tmp_path / "b", "x").id != instance.id


def test_a_start_says_where_its_data_come_from(checkout: Checkout, tmp_path: Path) -> None:
    checkout.state("[services.a]\nkind = 'command'\ndev = 'exec sleep 1000'\nready_after = 0.0\nstop_grace = 0.5\n")
    assert "moved" not in checkout.dev("start").err and checkout.dev("stop").code == 0
    original = checkout.path
    shutil.copytree(original, tmp_path / "copy")
    original.rename(tmp_path / "moved")
    for name, words in (
        ("moved", f"moved from {original}, with its data"),
        ("copy", f"a copy of {tmp_path / 'moved'}"),
    ):
        checkout.path = tmp_path / name
        for said in (True, False) if name == "copy" else (True,):
            ran = checkout.dev("start")
            assert ran.code == 0 and (words in ran.err) == said, ran.err
        assert checkout.dev("stop").code == 0
