"""Make the venv a lock file describes, whole or not at all; standard library only, as it runs before all else."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from converge import atomic, installing
from facts import surroundings

LOCKS = {"tool": "requirements.lock", "test": "requirements-test.lock"}
"""What a venv is for -> its lock file in the tool's checkout."""


LOCK_TIMEOUT = 600.0
"""Seconds that a run waits for another one, which installs packages meanwhile."""


class BootstrapError(Exception):
    """The venv could not be made; the text says what, because and hint, ready to print; `exit` is the exit code."""

    def __init__(self, text: str, exit: int = 3) -> None:
        super().__init__(text)
        self.exit = exit


def ensure(checkout: Path, purpose: str) -> Path:
    """The venv for the purpose, made if it is missing, broken or of another lock; gives its Python.

    Two runs at once wait for each other; an interrupted run leaves a directory without its stamp, which the
    next one replaces.
    """
    lock = checkout / LOCKS[purpose]
    link = directory(checkout, purpose)
    try:
        content = lock.read_bytes()
    except OSError as problem:
        raise BootstrapError(
            f"error: {lock.name} cannot be read\n  because {problem.strerror}\nhint: git restore {lock.name}"
        ) from problem
    try:
        _make_own_directory(checkout / ".dev")
        with _locked(checkout / ".dev" / "venvs" / ".lock"):
            if not _whole(link, content):
                _make(checkout, lock, content, link, purpose)
    except OSError as problem:
        raise BootstrapError(
            f"error: {problem.filename or checkout / '.dev'} cannot be written\n  because {problem.strerror}\n"
            "hint: check its owner and the free disk space, then run again"
        ) from problem
    return link / "bin" / "python"


@contextlib.contextmanager
def _locked(path: Path, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """As `converge/lock.py`, which cannot be imported yet: 0600, as a user who can open a file can keep its lock."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            raise OSError(errno.EPERM, "it is not a regular file", str(path))
        with contextlib.suppress(PermissionError):  # it is another user's
            os.fchmod(lock, 0o600)
        _take(lock, path, timeout)
        yield
    finally:
        os.close(lock)


def _take(lock: int, path: Path, timeout: float) -> None:
    deadline, told = time.monotonic() + timeout, False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _holder(lock)
        if time.monotonic() >= deadline:
            raise BootstrapError(
                f"error: {path} is held by {who}\n  because only one run can prepare the environment at a time; "
                f"it was still running after {timeout:g} s\nhint: wait until it ends, or end it",
                exit=75,
            )
        if not told:
            print(f"waiting for {who}, which prepares the environment …", file=sys.stderr, flush=True)
            told = True
        time.sleep(0.05)


def _holder(lock: int) -> str:
    """Who holds it, by the kernel's table: the file's inode is in the sixth column, the pid in the fifth."""
    try:
        rows = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        rows = []
    inode = str(os.fstat(lock).st_ino)
    pids = [row[4] for row in rows if len(row) > 5 and row[1] == "FLOCK" and row[5].rpartition(":")[2] == inode]
    return f"pid {pids[0]}" if pids else "another ./dev"


def directory(checkout: Path, purpose: str) -> Path:
    """Where the venv for the purpose is or will be."""
    return checkout / ".dev" / ("venv" if purpose == "tool" else f"venv-{purpose}")


def _make_own_directory(directory: Path) -> None:
    """Make `.dev/` and hide all of it from git; `converge/instance.py` does it for every other checkout."""
    (directory / "venvs").mkdir(parents=True, exist_ok=True)
    ignore = directory / ".gitignore"
    if not ignore.is_file() or not ignore.stat().st_size:  # a killed run may have left it empty
        atomic.write(ignore, "*\n", mode=0o644)  # no lock is held yet: two first runs may do it at once


def _whole(venv: Path, content: bytes) -> bool:
    try:
        return (venv / "requirements.lock").read_bytes() == content and _starts(venv / "bin" / "python")
    except OSError:
        return False


def _starts(python: Path) -> bool:
    try:
        return subprocess.run([python, "-I", "-c", ""], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _make(checkout: Path, lock: Path, content: bytes, link: Path, purpose: str) -> None:
    began = time.monotonic()
    print(f"preparing the {purpose} environment from {lock.name} …", file=sys.stderr, flush=True)
    key = hashlib.sha256(content + sys.version.encode() + os.fsencode(sys.base_prefix)).hexdigest()[:12]
    venv = checkout / ".dev" / "venvs" / f"{purpose}-{key}"
    shutil.rmtree(venv, ignore_errors=True)
    uv = surroundings.program("uv")
    try:
        _install(venv, lock, uv)
    except BootstrapError:
        if uv is None:
            raise
        shutil.rmtree(venv, ignore_errors=True)  # uv knows nothing of pip's settings; pip may have another way
        _install(venv, lock, None)
    (venv / "requirements.lock").write_bytes(content)
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("venvs") / venv.name)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    fresh.replace(link)
    for old in (checkout / ".dev" / "venvs").glob(f"{purpose}-*"):
        if old != venv:
            shutil.rmtree(old, ignore_errors=True)
    print(f"ready after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _install(venv: Path, lock: Path, uv: str | None) -> None:
    python = str(venv / "bin" / "python")
    _run([sys.executable, "-I", "-m", "venv", str(venv)])  # with Python's own pip; `uv venv --seed` downloads one
    if uv:
        install = [uv, "pip", "install", "--quiet", "--no-config", "--python", python]
    else:
        install = [python, "-I", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        install += ["--no-compile", "--no-input"]
    _run([*install, "--only-binary=:all:", "--require-hashes", "--no-deps", "-r", str(lock)])


def _run(argv: list[str]) -> None:
    env = installing.environment()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=env)
    if done.returncode:
        last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][-6:]
        raise BootstrapError(
            f"error: the tool's own Python packages could not be installed\n  because {Path(argv[0]).name} "
            f"ended with {done.returncode}:\n    " + "\n    ".join(last) + "\n"
            "hint: check the network, proxy and package index settings of pip, then run again"
        )


def main(argv: list[str]) -> int:
    """`bootstrap.py CHECKOUT PURPOSE`: for the launcher."""
    try:
        ensure(Path(argv[1]), argv[2])
    except BootstrapError as problem:
        # pip's and paths' words; the printer cannot be imported before its packages are there
        shown = "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in str(problem))
        print(shown, file=sys.stderr)
        return problem.exit
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
