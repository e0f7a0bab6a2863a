"""Stands in for Air where it cannot be had: builds, runs, and on a change builds again and restarts.

`python rebuild.py PROGRAM DIRECTORY… -- BUILD…`; a build that fails leaves the old program running.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading

SUFFIXES = (".go", ".sql", ".toml", ".html", ".mod")
GRACE = 5.0
"""Seconds the program has to end."""


def main(argv: list[str]) -> int:
    """Until SIGTERM or SIGINT."""
    from watchfiles import Change, watch

    at = argv.index("--")
    program, directories, build = argv[0], argv[1:at], argv[at + 1 :]
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())

    def counts(change: Change, path: str) -> bool:
        return path.endswith(SUFFIXES) and not path.endswith("_test.go")

    print("air cannot be had: ./dev itself watches, builds and restarts", flush=True)
    running = _again(None, build, program)
    for _ in watch(*directories, watch_filter=counts, stop_event=over, debounce=100, step=20, rust_timeout=200):
        running = _again(running, build, program)
    _end(running)
    return 0


def _again(running: subprocess.Popen[bytes] | None, build: list[str], program: str) -> subprocess.Popen[bytes] | None:
    if subprocess.run(build).returncode:
        print("the build failed; waiting for the next change", flush=True)
        return running
    _end(running)
    print("built, running", flush=True)
    return subprocess.Popen([program])


def _end(running: subprocess.Popen[bytes] | None) -> None:
    if running is None or running.poll() is not None:
        return
    running.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(GRACE)
    if running.poll() is None:
        running.kill()
        running.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
