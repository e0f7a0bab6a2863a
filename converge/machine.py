"""The one door through which anything is changed: files written whole or not at all, commands run to their end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from converge.context import ConvergeContext
from converge.errors import DevError


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


class Machine(Protocol):
    """A machine one may change."""

    context: ConvergeContext

    def say(self, text: str) -> None:
        """One line of progress for the person watching."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 900,
        input: str | None = None,
    ) -> Ran:
        """Run to the end in a process group of its own, which ends with us; `env` replaces the whole environment."""
        ...

    def write(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        """Replace the file as a whole: after a crash it is the old one or the new one."""
        ...

    def make_directory(self, path: Path, mode: int = 0o755) -> None:
        """The directory with its parents; its own permission bits are set."""
        ...


@dataclass
class LocalMachine:
    """This machine."""

    context: ConvergeContext
    listener: Callable[[str], None] | None = None
    """Receives the lines of progress; may be called from several threads."""
    _running: set[int] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _ended: bool = False

    def say(self, text: str) -> None:
        if self.listener:
            self.listener(text)

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 900,
        input: str | None = None,
    ) -> Ran:
        with self._guard:
            if self._ended:
                raise DevError("interrupted", f"{argv[0]} was not started", because="the run was interrupted")
            try:
                process = subprocess.Popen(
                    list(argv), cwd=cwd, env=None if env is None else dict(env), text=True, errors="replace",
                    stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                )  # fmt: skip
            except OSError as problem:
                raise DevError(
                    "command-missing",
                    f"{argv[0]} could not be started",
                    because=str(problem),
                    hint="run ./dev doctor to see which tool is missing",
                ) from problem
            self._running.add(process.pid)
        try:
            stdout, stderr = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise DevError(
                "command-slow",
                f"{argv[0]} took longer than {timeout:.0f} s and was ended",
                because="its time limit was over",
                hint="check the network, then run the command again",
            ) from None
        finally:
            _end_group(process)
            with self._guard:
                self._running.discard(process.pid)
        return Ran(process.returncode, stdout, stderr)

    def write(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name[:60]}.", suffix=".new", dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fchmod(file.fileno(), mode)
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            sync_directory(path.parent)

    def make_directory(self, path: Path, mode: int = 0o755) -> None:
        with _told(path):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)

    def end_all(self) -> None:
        """End every command that still runs, and start no other; for Ctrl-C."""
        with self._guard:
            self._ended = True
            running = list(self._running)
        for pid in running:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)


def sync_directory(path: Path) -> None:
    """Make a rename inside the directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _end_group(process: subprocess.Popen[str]) -> None:
    """End whatever the command left in its group; a group without members is no error."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.wait()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise DevError(
            "not-writable",
            f"{path} could not be written",
            because=problem.strerror or str(problem),
            hint="check the permissions and the free space there, then run again",
        ) from problem
