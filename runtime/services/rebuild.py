"""The loop that builds a service, runs it, and on a change builds again and restarts it.

`rebuild.py --suffix=go… --skip=GLOB… DIRECTORY… --build WORD… --run WORD…`; without a WORD nothing is built. GLOB is
compared with `/` and the path below DIRECTORY. A build that fails leaves the old program running. It is a program of
its own: the shim runs it in the service's directory with the service's environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import fnmatch
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

import psutil

GRACE = 5.0
"""Seconds in which the program must end."""


def main(argv: list[str]) -> int:
    """Run until SIGTERM or SIGINT."""
    from watchfiles import Change, watch  # saves 0 ms: the program always needs it

    first, second = argv.index("--build"), argv.index("--run")
    given, build, program = argv[:first], argv[first + 1 : second], argv[second + 1 :]
    suffixes = tuple("." + word.removeprefix("--suffix=") for word in given if word.startswith("--suffix="))
    skipped = [word.removeprefix("--skip=") for word in given if word.startswith("--skip=")]
    directories = [os.path.realpath(word) for word in given if not word.startswith(("--suffix=", "--skip="))]
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())

    def counts(change: Change, path: str) -> bool:
        inside = [path.removeprefix(directory) for directory in directories if path.startswith(directory + os.sep)]
        return path.endswith(suffixes) and not any(fnmatch.fnmatch(min(inside, key=len), each) for each in skipped)

    _adopt()
    print("./dev itself watches, builds and restarts this service", flush=True)
    running, first, told = None, True, False
    for changes in watch(
        *directories, watch_filter=counts, stop_event=over, debounce=100, step=20, rust_timeout=100,
        yield_on_timeout=True,
    ):  # fmt: skip
        if changes or first:  # the watch has started, so that no change during the first build is missed
            running, first, told = _again(running, build, program), False, False
        elif running and not told and running.poll():  # one that ends well was a command, not a server
            print(f"the program ended with {running.returncode}; waiting for the next change", flush=True)
            told = True
    _end(running)
    return 0


def _again(
    running: subprocess.Popen[bytes] | None, build: Sequence[str], program: Sequence[str]
) -> subprocess.Popen[bytes] | None:
    if build and subprocess.run(build).returncode:
        print("the build failed; waiting for the next change", flush=True)
        return running
    _end(running)
    print("built, running" if build else "running", flush=True)
    return subprocess.Popen(program)


def _adopt() -> None:
    """Become the parent of what outlives the shell that started it (`server &`); macOS has no such thing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _end(running: subprocess.Popen[bytes] | None) -> None:
    """End the program with all that it started, also what has outlived it: a shell does not end its command."""
    if running is None:
        return
    below = [each for each in psutil.Process().children(recursive=True) if each.pid != running.pid]
    for each in below:
        with contextlib.suppress(psutil.Error):
            each.terminate()
    running.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(GRACE)
    for each in psutil.wait_procs(below, GRACE)[1]:
        with contextlib.suppress(psutil.Error):
            each.kill()
    running.kill()
    running.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
