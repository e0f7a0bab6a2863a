"""Something else in place of a file of ours is named, fails only the component that needs it, and blocks nothing."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import atomic, own_files
from facts import regular
from tests.conftest import TOOL, Checkout
from tests.stranger import needs_root

LINK = "a symbolic link that leads nowhere"
MAKE: dict[str, Callable[[Path], object]] = {
    "a directory": lambda path: (path / "below").mkdir(parents=True),
    "a named pipe": os.mkfifo,
    LINK: lambda path: path.symlink_to(path.name),
}
NEEDED = [(path, kind) for path in ("logs/NAME.log", "run/NAME/spec.json", "run/NAME/lock") for kind in MAKE]
NEEDED.remove(("run/NAME/lock", LINK))  # then nothing is known about the component: the next test
"""Files without which a component cannot be started."""
OPTIONAL = ("run/NAME/served", "run/NAME/provision.json", "run/NAME/state.json.new", "systems/NAME.json")
"""Files that are read as if they were damaged, or made again."""


def test_a_start_names_what_is_in_the_way_and_starts_the_others(checkout: Checkout) -> None:
    state = checkout.path / ".dev/instances/default"
    needed = {f"s{at}": case for at, case in enumerate(NEEDED)}
    fine = {f"f{at}": (path, "a named pipe") for at, path in enumerate(OPTIONAL)}
    entry = "kind = 'command'\ndev = 'exec sleep 1000'\nstop_grace = 0.5\n"
    checkout.state("".join(f"[services.{name}]\n{entry}" for name in needed | fine))
    said = []
    for name, (path, kind) in (needed | fine).items():
        place = state / path.replace("NAME", name)
        place.parent.mkdir(parents=True, exist_ok=True)
        MAKE[kind](place)
        if name in needed and (kind == "a directory" or path.endswith("lock")):
            said.append(f"{place} is {kind}")
        else:
            fine[name] = (path, kind)  # it is empty, so it was made again
    started = checkout.dev("start", timeout=60)
    assert started.code == 3 and "itself failed" not in started.err, started.err
    assert [words for words in said if words not in started.err] == []
    found = checkout.components()
    assert {name for name in found if found[name]["state"] == "ready"} == set(fine), started.err
    assert checkout.dev("stop").code == 0 and not checkout.processes()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("run", "a named pipe"), ("run", LINK), ("run/a/lock", LINK), ("routes/owner.map", "a directory")],
)
def test_what_every_command_needs_is_named_by_every_command(checkout: Checkout, name: str, kind: str) -> None:
    checkout.state("[services.a]\nkind = 'command'\ndev = 'exec sleep 1000'\n")
    place = checkout.path / ".dev/instances/default" / name
    place.parent.mkdir(parents=True)
    MAKE[kind](place)
    for command in ("status", "stop"):
        ran = checkout.dev(command, timeout=30)
        assert ran.code == 3 and "error[not-writable]" in ran.err and f"{place} is {kind}" in ran.err, ran.err
    shutil.rmtree(place.parent)


@pytest.mark.parametrize(
    ("number", "path", "code"),
    [
        (errno.ENOSPC, "/somewhere/else", "disk-full"), (errno.EDQUOT, None, "disk-full"),
        (errno.EACCES, "/home/x/.dev/values", "not-writable"), (errno.EROFS, "/var/lib/dev/data/x", "read-only"),
        (errno.ENOENT, "/somewhere/else", ""), (errno.ECONNRESET, None, ""),
    ],
)  # fmt: skip
def test_only_a_full_disk_and_files_of_ours_are_not_a_bug(number: int, path: str | None, code: str) -> None:
    found = own_files.trouble(OSError(number, os.strerror(number), path))
    assert (found.code if found else "") == code
    assert not found or not path or path in found.what + found.because


REFUSED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from converge import own_files
os.setgroups([]); os.setresgid(*3 * [54321]); os.setresuid(*3 * [54321])
try:
    open(sys.argv[2], "a").close()
    print("written")
except OSError as problem:
    found = own_files.refused("it was not written", problem)
    found = own_files.trouble(problem) or found
    print(found.code, int(found.exit), found.because, found.hint, sep="|")
"""


@needs_root
@pytest.mark.parametrize(
    ("owner", "mode", "below", "code"),
    [(0, 0o755, "x", "not-ours"), (54322, 0o755, "x", "not-ours"), (54322, 0o700, "d/x", "not-ours"),
     (54321, 0o555, "x", "not-writable"), (54321, 0o755, "x", "")],
)  # fmt: skip
def test_what_belongs_to_somebody_else_names_who(owner: int, mode: int, below: str, code: str) -> None:
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o755)
        own = Path(base, ".dev")
        (own / below).parent.mkdir(parents=True)
        own.chmod(mode)
        os.chown(own, owner, owner)
        ran = subprocess.run(
            [sys.executable, "-c", REFUSED, TOOL, own / below], capture_output=True, text=True, cwd="/", check=True
        )
    found = ran.stdout.strip().split("|")
    assert found[0] == (code or "written")
    if code == "not-ours":
        assert found[1] == "4" and found[2].startswith(f"{own} belongs to ") and "as uid" not in found[3]
        assert found[3].endswith(f"give it to yourself: sudo chown 54321 {own}")


@needs_root
@pytest.mark.parametrize("what", ["the file", "its directory"])
@pytest.mark.parametrize("flag", ["i", "a"])
def test_what_is_immutable_is_called_so(tmp_path: Path, what: str, flag: str) -> None:
    own = tmp_path / ".dev"
    own.mkdir()
    (own / "values").write_text("A=1\n")
    place = own / "values" if what == "the file" else own
    if subprocess.run(["chattr", f"+{flag}", place], capture_output=True).returncode:
        pytest.skip("no such flags on this file system")
    try:
        with pytest.raises(OSError) as caught:
            atomic.write(own / "values", "A=2\n")
        found = own_files.trouble(caught.value)
    finally:
        subprocess.run(["chattr", "-i", "-a", place], check=True)
    assert found and found.code == "not-writable" and found.because == f"{place} is immutable (chattr)"
    assert found.hint.startswith("sudo chattr -i") and (own / "values").read_text() == "A=1\n"
    left = {path.name for path in own.iterdir()} - {"values"}
    assert not left or (what, flag) == ("its directory", "a"), "a file can be made there and not be removed"


def test_a_file_that_could_not_be_written_leaves_no_temporary(tmp_path: Path) -> None:
    (tmp_path / "value/below").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        atomic.write(tmp_path / "value", "secret")
    assert [path.name for path in tmp_path.iterdir()] == ["value"]


@pytest.mark.parametrize(
    ("problem", "words"),
    [(OSError(errno.EISDIR, "x"), "aim is a directory"), (OSError(errno.EBUSY, "it is busy"), "aim: it is busy"),
     (regular.TooLarge(errno.EFBIG, "it is large"), "aim: it is large"), (OSError("no answer"), "aim: no answer"),
     (OSError(errno.ECONNRESET, "it was reset"), "aim: it was reset")],
)  # fmt: skip
def test_the_reason_of_the_system_is_told(tmp_path: Path, problem: OSError, words: str) -> None:
    (tmp_path / "aim").mkdir()
    assert own_files.refused("", problem, tmp_path / "aim").because == f"{tmp_path}/{words}"
    (tmp_path / "link").symlink_to("aim")
    found = own_files.refused("", OSError(errno.ELOOP, "x"), tmp_path / "link")
    assert found.because.endswith("link is a symbolic link to a directory")


def a_file(path: Path) -> None:
    path.write_text("of a run that was killed")
    path.chmod(0o644)


def a_link(path: Path) -> None:
    path.symlink_to("other")


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [a_file, a_link, a_dangling_link, os.mkfifo])
def test_a_file_in_the_place_of_the_temporary_one_is_not_written_to(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    other, planted = tmp_path / "other", tmp_path / atomic.temporary("values")
    other.write_text("mine")
    make(planted)
    atomic.write(tmp_path / "values", "A=1\n")
    assert (tmp_path / "values").read_text() == "A=1\n" and not (tmp_path / "values").is_symlink()
    assert (tmp_path / "values").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"values", "other"} and other.read_text() == "mine"
