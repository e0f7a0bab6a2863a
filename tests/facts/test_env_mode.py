"""Which files others than their owner can read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from facts import env
from facts.local import LocalReader
from facts.probe import observe
from facts.value import Unknown


@pytest.mark.parametrize(
    ("mode", "found"), [(0o600, ""), (0o400, ""), (0o700, ""), (0o640, "640"), (0o604, "604"), (0o602, "602")]
)
def test_a_file_that_others_can_use_is_found(tmp_path: Path, mode: int, found: str) -> None:
    (tmp_path / "f").write_text("")
    (tmp_path / "f").chmod(mode)
    assert observe([env.readable(tmp_path / "f", "x")], LocalReader())["x"] == found


def test_what_is_no_file_is_not_judged(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o666)
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link", "absent", "."):
        assert observe([env.readable(tmp_path / name, "x")], LocalReader())["x"] == ""


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a named pipe": (os.mkfifo, "not a regular file"),
    "a directory": (Path.mkdir, "not a regular file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "symbolic links"),
    "a link to a device without an end": (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    "one of 20 GiB": (lambda path: os.truncate(path, 20 << 30) if path.touch() is None else None, "more than"),
    "one of words of two bytes": (lambda path: path.write_text("# " + "é" * 600_000), "more than 1,000,000 bytes"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "No such file"),
    "one with a value of two lines": (lambda path: path.write_text("A=1\ntwo\n"), "line 2 is not NAME=VALUE"),
    "one that is not UTF-8": (lambda path: path.write_bytes(b"A=1\nB=2\nKEY=\xe9\nC=3\n"), "line 3 is not UTF-8"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_an_env_file_that_cannot_be_used_is_unknown_and_says_why(tmp_path: Path, what: str) -> None:
    make, why = UNUSABLE[what]
    make(tmp_path / "values")
    found = observe(env.probes(tmp_path / "values", {"KEY": None}), LocalReader())["env.file"]
    assert isinstance(found, Unknown) and why in found.because, found


def test_an_env_file_with_text_of_any_language_is_read(tmp_path: Path) -> None:
    (tmp_path / "values").write_text("# schöne Grüße, \ufffd\nKEY=ключ\n")
    assert observe(env.probes(tmp_path / "values", {"KEY": "^ключ$"}), LocalReader())["env.file"] == {"KEY": True}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# note\nKEY=pk_live_1\nOTHER=\nREAD=x\n", {"KEY": True}),
        ("KEY=sk_1\nOTHER=a=b", {"KEY": False, "OTHER": True}),
        ("", {}), (None, {}), ("\ufeffKEY=pk_1\r\n", {"KEY": True}), ("KEY=pk_1\rOTHER=1\n", {"KEY": True}),
    ],
)  # fmt: skip
def test_what_an_env_file_has_is_found(tmp_path: Path, text: str | None, found: dict[str, bool]) -> None:
    if text is not None:
        (tmp_path / "values").write_bytes(text.encode())
    assert observe(env.probes(tmp_path / "values", {"KEY": "^pk_", "OTHER": None}), LocalReader())["env.file"] == found
