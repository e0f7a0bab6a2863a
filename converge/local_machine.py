"""This machine as one that may be changed: files written whole or not at all, commands run to their end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from converge import beneath, engine, own_files
from converge.context import ConvergeContext
from converge.errors import DevError, Exit
from converge.machine import Ran
from facts import surroundings
from facts.value import dataclass, field

GRACE = 3.0
"""Seconds an interrupted command has to end by itself."""
_REAPER = """groups=' '
while read -r verb group; do
    case $verb in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac ;;
    esac
done
for group in $groups; do kill -KILL "-$group"; done"""


@dataclass
class LocalMachine:
    """This machine."""

    context: ConvergeContext
    listener: Callable[[str], None] | None = None
    """Receives the lines of progress; may be called from several threads."""
    _running: dict[int, subprocess.Popen[str]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _ended: bool = False
    _reaper: subprocess.Popen[str] | None = None

    def __enter__(self) -> LocalMachine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.end_all()

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
        same_session: bool = False,
    ) -> Ran:
        with self._guard:
            if self._ended:
                raise DevError("interrupted", f"{argv[0]} was not started", because="the run was interrupted")
            try:
                process = subprocess.Popen(
                    list(argv), cwd=cwd or "/", text=True, errors="replace",
                    env=surroundings.own() if env is None else dict(env),
                    stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    start_new_session=not same_session, process_group=0 if same_session else None,
                )  # fmt: skip
            except OSError as problem:
                raise DevError(
                    "command-missing",
                    f"{argv[0]} could not be started",
                    because=str(problem),
                    hint="run ./dev doctor to see which tool is missing",
                ) from problem
            self._running[process.pid] = process
            self._tell_reaper("+", process.pid)
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
                self._running.pop(process.pid, None)
                self._tell_reaper("-", process.pid)
        return Ran(process.returncode, stdout, stderr)

    def write(self, path: Path, content: bytes, mode: int = 0o644, below: Path | None = None) -> None:
        with _told(path):
            if below is None:
                path.parent.mkdir(parents=True, exist_ok=True)
            base = below or path.parent
            beneath.write(base, str(path.relative_to(base)), content, mode)

    def make_directory(self, path: Path, mode: int = 0o755, below: Path | None = None) -> None:
        with _told(path):
            if below:
                beneath.make_directory(below, str(path.relative_to(below)), mode)
                return
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)

    def pyinfra(self, operation: str, **args: Any) -> None:
        engine.run(self, operation, args)

    @property
    def ended(self) -> bool:
        """Whether the run was interrupted; long work in Python itself should look now and then."""
        return self._ended

    def end_all(self) -> None:
        """End every command that still runs, and start no other; asked first, so that a package manager can tidy up."""
        with self._guard:
            self._ended = True
            running = dict(self._running)
        _signal(running, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while any(process.poll() is None for process in running.values()) and time.monotonic() < deadline:
            time.sleep(0.02)
        _signal(running, signal.SIGKILL)
        with self._guard:
            if self._reaper and self._reaper.stdin:
                with contextlib.suppress(OSError):
                    self._reaper.stdin.close()
                self._reaper.wait()
                self._reaper = None

    def _tell_reaper(self, verb: str, group: int) -> None:
        """Keep the reaper's list of what must not outlive us, even if we are killed with -9."""
        if self._reaper is None:
            if verb == "-":
                return
            self._reaper = subprocess.Popen(
                ["/bin/sh", "-c", _REAPER], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True, text=True, bufsize=1, cwd="/",
            )  # fmt: skip
        if self._reaper.stdin:
            with contextlib.suppress(OSError):
                self._reaper.stdin.write(f"{verb} {group}\n")


def _signal(running: Mapping[int, subprocess.Popen[str]], number: int) -> None:
    for pid in running:
        with contextlib.suppress(OSError):
            os.killpg(pid, number)


def _end_group(process: subprocess.Popen[str]) -> None:
    """End all processes left in the group of the command; a group without members is not an error."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.wait()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except beneath.Linked as problem:
        because = f"{problem.filename}: {problem.strerror}"
        raise DevError(
            "bad-path", f"{path} was not written", because=because, hint="make it a directory", exit=Exit.NEEDS_HUMAN
        ) from problem
    except OSError as problem:
        raise own_files.refused(f"{path} could not be written", problem, path) from problem
