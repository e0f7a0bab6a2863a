"""A version manager's copy of exactly the pinned version is used; nothing is installed beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from converge import tools
from tests.conftest import Checkout

COPIES = {
    ".local/share/mise/installs/node/20.11.1/bin/node": ("node", "20.11.1"),
    ".asdf/installs/nodejs/20.11.1/bin/node": ("node", "20.11"),
    ".asdf/installs/golang/1.25.3/go/bin/go": ("go", "1.25.3"),
    ".proto/tools/pnpm/9.1.0/bin/pnpm": ("pnpm", "9.1.0"),
    ".nvm/versions/node/v20.11.1/bin/node": ("node", "20"),
    ".local/share/fnm/node-versions/v20.11.1/installation/bin/node": ("node", "20.11.1"),
    ".pyenv/versions/3.12.4/bin/python3": ("python", "3.12"),
    ".local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3": ("python", "3.12.4"),
    "sdk/go1.25.3/bin/go": ("go", "1.25.3"),
    ".rustup/toolchains/1.79.0-x86_64-unknown-linux-gnu/bin/cargo": ("cargo", "1.79.0"),
    ".rustup/toolchains/1.79-x86_64-unknown-linux-gnu/bin/rustc": ("rust", "1.79"),
}
"""Program below the home directory -> the pin that it satisfies."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.endswith(("_ROOT", "_HOME", "_DIR"))]:
        monkeypatch.delenv(name)
    return tmp_path


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("path", COPIES)
def test_a_copy_of_the_pinned_version_is_found(home: Path, path: str) -> None:
    tool, pin = COPIES[path]
    made = program(home / path)
    found = tools.managed(tool, pin)
    assert found and found[1] == made
    assert tools.managed(tool, pin + ".9") is None and tools.managed(tool, "1.2") is None


def test_the_newest_that_satisfies_the_pin_is_taken(home: Path) -> None:
    for version in ("20.9.0", "20.11.1", "22.1.0", "system", "20.12.0"):
        program(home / f".nvm/versions/node/v{version}/bin/node")
    (home / ".nvm/versions/node/v20.12.0/bin/node").chmod(0o644)
    found = tools.managed("node", "20")
    assert found and found[0] == "20.11.1"


@pytest.mark.parametrize("place", [".nvm/versions/node/v20.1.0/bin/node", ".nvm/versions/node", ".nvm"])
def test_a_copy_that_others_can_change_is_not(home: Path, place: str) -> None:
    program(home / ".nvm/versions/node/v20.1.0/bin/node")
    (home / place).chmod(0o777)
    assert tools.managed("node", "20.1.0") is None


def test_doctor_takes_it_and_it_is_first_on_path(checkout: Checkout, tmp_path: Path) -> None:
    made = program(checkout.home / ".proto/tools/hello/1.2.3/bin/hello")
    made.write_text("#!/bin/sh\necho it ran\n")
    checkout.env = {"DEV_STORE": str(tmp_path / "store"), "PROTO_HOME": ""}
    checkout.state('[tools]\nhello = "1.2.3"\n')
    checkout.write("desired_state.lock", "schema = 1\n")
    said = checkout.dev("doctor")
    assert said.code == 0 and str(made) in said.out, said.out + said.err
    assert "it ran" in checkout.dev("shell", "--", "hello").out
