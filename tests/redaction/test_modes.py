"""What the tool writes is for its owner alone, whatever the umask; a readable secret is an item of doctor."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import atomic
from tests.conftest import Checkout, wait_until

STATE = """
[env]
GIVEN = { secret = true }
PLAIN = "x"
[services.talker]
kind = "command"
dev = "echo it says $GIVEN; sleep 100"
"""


def open_to_others(directory: Path) -> list[str]:
    """What another user can read or change below a directory that he can enter."""
    found = []
    for path, names, files in os.walk(directory):
        mode = os.lstat(path).st_mode
        if not mode & 0o011:  # nobody else comes further
            names.clear()
            continue
        found += [f"{path}/{name}" for name in files if os.lstat(f"{path}/{name}").st_mode & 0o066]
    return found


@pytest.mark.parametrize("umask", (0o000, 0o077))
def test_no_umask_opens_what_the_tool_writes(checkout: Checkout, tmp_path: Path, umask: int) -> None:
    checkout.state(STATE)
    checkout.env |= {"GIVEN": "Tr0ub4dor-3-and-more", "TMPDIR": str(tmp_path / "home"), "XDG_RUNTIME_DIR": ""}
    before = os.umask(umask)
    try:
        started = checkout.dev("start")
        assert started.code == 0, started.err
        wait_until(lambda: "it says" in checkout.dev("logs").out)
        assert checkout.dev("bundle").code == 0
        assert checkout.dev("stop").code == 0
    finally:
        os.umask(before)
    own = checkout.path / ".dev"
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    for path in own.rglob("*"):
        loose = stat.S_IMODE(path.lstat().st_mode) & 0o077
        secret = path.is_file() and not path.is_symlink() and b"Tr0ub4dor" in path.read_bytes()
        assert not (secret and loose), path
        if path.suffix in (".log", ".json", ".gz") or path.name in ("values", "journal"):
            assert not loose, path
    assert open_to_others(own) == []


def test_a_directory_of_an_earlier_version_is_closed(checkout: Checkout) -> None:
    checkout.state("[env]\nPLAIN = 'x'\n")
    (checkout.path / ".dev/instances/default/logs").mkdir(parents=True)
    (checkout.path / ".dev").chmod(0o755)
    assert checkout.dev("doctor").code == 0
    assert stat.S_IMODE((checkout.path / ".dev").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("local", "secret"),
    [
        ('[env]\nGIVEN = "Tr0ub4dor-3"\n', True),
        ('[env]\nMY_API_KEY = "Tr0ub4dor-3"\n', True),
        ('[env]\nPROXY = "http://bo:Tr0ub4dor-3@p:1"\n', True),
        ('[docker]\nmirror = "https://bo:Tr0ub4dor-3@m"\n', True),
        ('[services.talker.env]\nDB_PASSWORD = "Tr0ub4dor-3"\n', True),
        ('[env]\nLEVEL = "debug"\n[docker]\nmirror = "https://m"\n', False),
    ],
)
def test_doctor_closes_overrides_with_a_secret(checkout: Checkout, local: str, secret: bool) -> None:
    checkout.state('[env]\nGIVEN = { secret = true, required = false }\n[docker]\nengine = "off"\n'
                   '[services.talker]\nkind = "command"\ndev = "sleep 100"\n')  # fmt: skip
    file = checkout.write("desired_state.local.toml", local, 0o644)
    ran = checkout.dev("doctor", "--only", "env")
    assert (ran.code == 2 and "desired_state.local.toml private" in ran.out) == secret, ran.out
    assert "Tr0ub4dor" not in ran.out + ran.err
    assert checkout.dev("doctor", "--fix", "--only", "env").code == 0
    assert stat.S_IMODE(file.stat().st_mode) == (0o600 if secret else 0o644)
    assert file.read_text() == local


def _append(path: Path) -> None:
    with open(path, "a", opener=atomic.private) as file:
        file.write("x")


@pytest.mark.parametrize("write", (lambda path: atomic.write(path, "x"), _append), ids=("whole", "appended"))
def test_a_small_file_is_private_under_any_umask(tmp_path: Path, write: Callable[[Path], None]) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "file")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
