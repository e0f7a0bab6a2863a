"""Runs a migration: what it says goes into its component's log as it comes, and a record says that it runs."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from runtime import record
from runtime.component import Component

LOOK = 0.05
"""Seconds between looks whether the run was interrupted."""
LAST = 4
"""Lines that an error shows."""
LARGEST_LINE = 64 * 1024
"""Bytes after which a line without an end is written as one."""


def marker(component: Component) -> Path:
    """Exists while its migration runs: `pid` and `began` (Unix time). A run that was killed may have left it."""
    return component.directory / "migrating.json"


def execute(
    component: Component, argv: list[str], env: Mapping[str, str], cwd: Path, check: Callable[[], None]
) -> tuple[int, list[str]]:
    """Exit code and last lines. `check` is asked all the time and raises to give up; then the whole group is ended."""
    process = subprocess.Popen(
        argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    last: deque[str] = deque(maxlen=LAST)
    try:
        record.write(marker(component), json.dumps({"pid": process.pid, "began": time.time()}))
        assert process.stdout
        with _Log(component) as log:
            log.write(b"migrating", "!")
            for line in _lines(process.stdout, process, check):
                log.write(line)
                if line.strip():
                    last.append(line.decode(errors="replace"))
            code = process.wait()
            log.write(f"the migration ended with {code}".encode(), "!")
        return code, list(last)
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        marker(component).unlink(missing_ok=True)


def _lines(output: IO[bytes], process: subprocess.Popen[bytes], check: Callable[[], None]) -> Iterator[bytes]:
    """Lines until the command has ended; what it left running in the background keeps nobody waiting."""
    os.set_blocking(output.fileno(), False)
    partial = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            check()
            ended = process.poll() is not None
            selector.select(0 if ended else LOOK)
            block = output.read()
            if block:
                *whole, partial = (partial + block).split(b"\n")
                yield from whole
                if len(partial) > LARGEST_LINE:
                    yield partial
                    partial = b""
            elif ended or (block == b"" and _waited(process)):
                break
    if partial:
        yield partial


def _waited(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; one that closed its output and goes on is looked at again after a moment."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LOOK)
    return process.returncode is not None


class _Log:
    """The component's log, in the form in which its shim writes it: time, who speaks, text."""

    def __init__(self, component: Component) -> None:
        component.log.parent.mkdir(parents=True, exist_ok=True)
        self.path = component.log

    def __enter__(self) -> _Log:
        self.file = open(self.path, "ab", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, text: bytes, source: str = "m") -> None:
        """One line; without room it is lost, and the migration is not."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
        with contextlib.suppress(OSError):
            self.file.write(f"{stamp} {source} ".encode() + text.removesuffix(b"\r") + b"\n")
