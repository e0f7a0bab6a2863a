"""Secrets in files: what is read, and what is refused without a value in the message."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from platform_auth import Refused, read
from platform_auth.secret_files import LARGEST, resolved

TOKEN = "svc_" + "a" * 43
CONTENTS = {"plain": TOKEN, "line feed": TOKEN + "\n", "carriage return": TOKEN + "\r\n"}
REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "cannot be read: No such file"),
    "directory": (Path.mkdir, "not a file"),
    "named pipe": (os.mkfifo, "not a file"),
    "link to itself": (lambda path: path.symlink_to(path), "cannot be read"),
    "endless": (lambda path: path.symlink_to("/dev/zero"), "not a file"),
    "too large": (lambda path: path.write_bytes(b"x" * (LARGEST + 1)), "larger than"),
    "empty": (lambda path: path.write_bytes(b"\n"), "is empty"),
    "not text": (lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8"),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_secret_comes_from_its_file_without_the_last_line_break(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content)
    environ = {
        "APP_ENV": "development",
        "AUTH_LOCAL_ISSUER": "http://issuer:1",
        "SERVICE_AUTH_TOKEN_FILE": str(tmp_path / "token"),
    }
    assert read(environ, ["x"]).service_tokens == (TOKEN,)


def test_only_one_line_break_is_dropped_and_only_the_given_names_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("two\n\n")
    environ = {"A_FILE": str(tmp_path / "a"), "SSL_CERT_FILE": "/nowhere", "EMPTY": ""}
    assert resolved(environ, ["A"]) == {"A": "two\n", "A_FILE": str(tmp_path / "a"), "SSL_CERT_FILE": "/nowhere"}


@pytest.mark.parametrize(("make", "why"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, make: Callable[[Path], object], why: str) -> None:
    make(tmp_path / "s")
    with pytest.raises(Refused, match=why) as refused:
        resolved({"A_FILE": str(tmp_path / "s")}, ["A"])
    assert str(refused.value).startswith(f"A_FILE: {tmp_path / 's'} ")


def test_two_values_are_refused_unless_they_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("one-value\n")
    assert resolved({"A": "one-value", "A_FILE": str(tmp_path / "s")}, ["A"])["A"] == "one-value"
    with pytest.raises(Refused, match="A and A_FILE are both set, and differ") as refused:
        resolved({"A": "other-value", "A_FILE": str(tmp_path / "s")}, ["A"])
    assert "-value" not in str(refused.value)
