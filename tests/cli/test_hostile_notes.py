"""What stands in `.dev` of a checkout may be anything: commands that look at it neither wait for it nor break.

Which files they open is not listed here, but seen: a new one joins by itself.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.main import main
from converge.errors import Exit
from tests.conftest import HEAD, NO_ENGINE
from tests.schema.test_hostile import RAW, WAIT

STATE = f"""{HEAD}
[env]
A = {{ generate = "token" }}
[infra.redis]
port = 21080
[services.a]
kind = "go"
port = 21082
needs = ["redis"]
ready = {{ http = "/", log = "x" }}
migrate = "true"
migrate_inputs = ["*.sql"]
"""
LOOKS = (
    ("status",), ("env", "a"), ("logs", "a"), ("doctor",), ("facts",), ("handoff", "--status"), ("secrets", "list"),
    ("stop",),
)  # fmt: skip


def _long(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 30)


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "directory": Path.mkdir,
    "loop": lambda path: path.symlink_to(path.name),
    "deep": lambda path: path.write_text("[" * 100_000),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00\x1b]0;t\x07"),
    "numbers": lambda path: path.write_text('{"pid": %s, "start": 1e999, "began": NaN}' % ("9" * 5000)),
    "another type": lambda path: path.write_text('[{"\\u001b[2J": null}]'),
    "one GiB of zeros": _long,
}


class Seen:
    """Which files below a directory are opened while it is switched on; Python has no way to remove such a hook."""

    def __init__(self) -> None:
        self.below, self.paths = "", set[str]()
        sys.addaudithook(self)

    def __call__(self, event: str, words: tuple[object, ...]) -> None:
        if self.below and event == "open" and isinstance(words[0], (str, bytes, os.PathLike)):
            path = os.fsdecode(words[0])
            if path.startswith(self.below):
                self.paths.add(path[len(self.below) :])


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    made = Seen()
    yield made
    made.below = ""


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """A command in this process, interrupted after too long a time: its exit code and what it printed."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "DEV_INSTANCE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)}

    def late(*_: object) -> None:
        raise AssertionError("it waits")

    def run(directory: Path, *argv: str) -> tuple[int, str]:
        said = io.StringIO()
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, WAIT)
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                return main(["-C", str(directory), *argv]), said.getvalue()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    yield run
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _plain(name: str) -> bool:
    """Whether the file is one of ours with a name of its own; not one that a run makes for itself."""
    ours = name.startswith((".dev/", "desired_state.")) and not name.endswith((".gitignore", "desired_state.toml"))
    return ours and not any(part.startswith((".", "tmp")) or part.isdigit() for part in name.split("/")[1:])


def test_any_file_in_it_may_be_hostile(tmp_path: Path, look: Callable[..., tuple[int, str]], seen: Seen) -> None:
    directory = tmp_path / "checkout"
    opened: dict[str, list[tuple[str, ...]]] = {}
    for argv in LOOKS:
        directory.mkdir()
        (directory / "desired_state.toml").write_text(STATE)
        seen.below, seen.paths = f"{directory}/", set()
        look(directory, *argv)
        seen.below = ""
        for name in filter(_plain, seen.paths):
            opened.setdefault(name, []).append(argv)
        shutil.rmtree(directory)
    assert {".dev/values", ".dev/instances/default/run/a/state.json"} <= opened.keys()
    for name, commands in sorted(opened.items()):
        if "redis" in name:  # the same code reads them for every component
            continue
        for kind, make in KINDS.items():
            if kind == "one GiB of zeros" and name.endswith(".log"):  # a long log is read to its end, as it must be
                continue
            directory.mkdir()
            (directory / "desired_state.toml").write_text(STATE)
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            make(directory / name)
            for argv in commands[:1]:
                code, said = look(directory, *argv)
                assert code != Exit.BUG and "itself failed" not in said, (name, kind, argv, said)
                assert not RAW.search(said), (name, kind, argv, said)
            shutil.rmtree(directory)
