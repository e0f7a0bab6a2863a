"""No stranger on the machine keeps a lock of ours, waits end, and the holder that is named is the true one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cli import bootstrap
from converge import lock
from converge.errors import DevError
from facts import locks, processes
from runtime.logs import writer

STRANGER = 65534
"""The uid of `nobody`."""
TAKE = """
import fcntl, os, sys
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY):
    try:
        file = os.open(sys.argv[1], flags)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        break
    except PermissionError:
        continue
else:
    sys.exit("refused")
print("taken", flush=True)
sys.stdin.read()
"""

root = pytest.mark.skipif(
    os.geteuid() != 0 or not processes.LINUX, reason="only root can become another user, and /proc names the holder"
)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user can reach, as a checkout in a home with mode 755."""
    made = Path(tempfile.mkdtemp(prefix="dev-locks-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def stranger(path: Path) -> subprocess.Popen[str]:
    """Another user's process that takes the lock if it can, and keeps it until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", TAKE, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def log(path: Path) -> None:
    """Its rotation is under a lock."""
    os.close(writer._opened(str(path))[0])


def held(path: Path) -> None:
    with lock.hold(path):
        pass


def launched(path: Path) -> None:
    with bootstrap._locked(path):
        pass


@root
@pytest.mark.parametrize("make", [held, launched, log])
@pytest.mark.parametrize("before", [None, 0o644, 0o666], ids=["new", "644", "666"])
def test_a_stranger_cannot_take_it(place: Path, make: Callable[[Path], None], before: int | None) -> None:
    path = place / "lock"
    if before is not None and make is not log:
        path.touch()
        path.chmod(before)
    make(path)
    with stranger(path) as taken:
        assert taken.communicate() == ("", "refused\n")
    assert path.stat().st_mode & 0o777 == 0o600


@root
@pytest.mark.parametrize("take", [lock.hold, bootstrap._locked])
def test_a_lock_that_a_stranger_kept_from_before_is_waited_for_a_while_and_he_is_named(
    place: Path, take: Callable[[Path, float], AbstractContextManager[None]]
) -> None:
    path = place / "lock"
    path.write_text(json.dumps({"pid": os.getpid(), "command": "start", "since": 0}))  # what the file says is not true
    path.chmod(0o644)
    with stranger(path) as taken:
        assert taken.stdout and taken.stdout.readline() == "taken\n"
        began = time.monotonic()
        with pytest.raises((DevError, bootstrap.BootstrapError)) as caught, take(path, 0.3):
            pass
        assert time.monotonic() - began < 30
        assert int(caught.value.exit) == 75
        assert f"is held by pid {taken.pid}" in str(caught.value)
        assert take is not lock.hold or f"uid {STRANGER}" in str(caught.value)
        assert locks.holders(path) == [taken.pid]
        taken.communicate()
    with take(path, 10):
        assert locks.holders(path) == [os.getpid()]


@pytest.mark.parametrize("take", [lock.hold, bootstrap._locked])
@pytest.mark.parametrize("what", ["fifo", "link", "dangling", "directory", "device"])
def test_what_is_not_a_file_in_its_place_is_refused_at_once(
    tmp_path: Path, what: str, take: Callable[[Path, float], AbstractContextManager[None]]
) -> None:
    path, other = tmp_path / "lock", tmp_path / "other"
    if what == "fifo":
        os.mkfifo(path)
    elif what == "link":
        other.write_text("kept")
        path.symlink_to(other)
    elif what == "dangling":
        path.symlink_to(other)
    elif what == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises((DevError, OSError)), take(path, 0.3):
        pass
    assert not other.exists() or (other.read_text(), other.stat().st_mode & 0o777) != ("kept", 0o600)


def test_the_lock_of_the_machine_is_in_a_directory_of_this_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    with lock.hold(lock.system()):
        assert lock.system().parent.stat().st_mode & 0o777 == 0o700
