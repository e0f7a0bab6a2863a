"""A hostile desired state is refused at its line, or is harmless: no hang, no bug of ours, nothing for the terminal."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli import render
from cli.main import main
from converge.errors import DevError, Exit
from converge.schema import FILE, load, parse
from facts import patterns
from tests.conftest import HEAD, NO_ENGINE
from tests.schema.hostile import LARGE, MINE, STATES, chain, service

LONGEST = 10.0
"""Seconds of processor time that a state may take, which other work on the machine does not extend; each takes one."""
WAIT = 60.0
"""Seconds after which something waits for ever, on the busiest machine."""
RAW = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def refusal(made: Callable[[], object]) -> DevError | None:
    """The error for a bad state; None if there is none. Fails for every other error, and after too long a time."""
    began = time.process_time()
    try:
        made()
    except DevError as problem:
        assert problem.exit == Exit.BAD_STATE
        return problem
    finally:
        assert time.process_time() - began < LONGEST
    return None


def shown(problem: DevError) -> str:
    with contextlib.redirect_stderr(io.StringIO()) as said:
        render.error(problem)
    return said.getvalue()


def test_there_are_enough() -> None:
    assert len(STATES) >= 290


@pytest.mark.parametrize("family", dict.fromkeys(name.rpartition(" ")[0] for name in STATES))
def test_it_is_refused_at_its_line_or_taken(family: str) -> None:
    for name in (each for each in STATES if each.rpartition(" ")[0] == family):
        if problem := refusal(lambda name=name: parse(STATES[name])):  # type: ignore[misc]
            assert re.fullmatch(rf"{FILE}(:\d+)?", problem.source), name
            text = shown(problem)
            assert not RAW.search(text) and len(text) < 20_000, name


@pytest.mark.parametrize(("state", "own"), MINE.values(), ids=MINE)
def test_what_one_machine_changes_is_refused_at_its_line_or_taken(state: str, own: str) -> None:
    if problem := refusal(lambda: parse(state.encode(), own.encode("utf-8", "surrogateescape"))):
        assert re.fullmatch(r"desired_state(\.local)?\.toml(:\d+)?", problem.source)
        assert not RAW.search(shown(problem))


SENSELESS = {
    "stop_grace = -1": "from 0",
    "stop_grace = inf": "finite",
    "stop_grace = nan": "finite",
    "stop_grace = 1e300": "from 0",
    "retries = -1": "from 0",
    "retries = 99999999999999999999": "64 bits",
    "ready = { tcp = true, timeout = -0.5 }": "from 0",
    "ready_after = 1e12": "from 0",
    'dev = "a\\u0000b"': "NUL",
    'env = { A = "a\\u0000b" }': "NUL",
    f'path = "{"x/" * 1000}"': "characters",
    f"x = {'[' * 50}{']' * 50}": "deep",
}
"""A line in the entry of a service -> a word of why it is refused."""


@pytest.mark.parametrize(("line", "why"), SENSELESS.items(), ids=[each[:30] for each in SENSELESS])
def test_a_value_without_sense_is_refused_at_its_line(line: str, why: str) -> None:
    problem = refusal(lambda: parse(service(line).encode()))
    assert problem and problem.source == f"{FILE}:7" and why in problem.because


def test_long_chains_are_taken_and_more_components_than_there_are_ports_are_not() -> None:
    assert refusal(lambda: parse(chain(500).encode())) is None
    problem = refusal(lambda: parse(chain(1500).encode()))
    assert problem and "1,500 components" in problem.what and problem.source.startswith(f"{FILE}:")


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """`./dev -C DIR …` in this process: exit code, and all that it printed."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "DEV_INSTANCE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}

    def look(directory: Path, *argv: str) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(["-C", str(directory), *argv])
        return code, said.getvalue()

    yield look
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_commands_that_look_survive_what_is_taken(
    tmp_path: Path, looks: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    for at, (name, state) in enumerate(STATES.items()):  # the others: `tests/trust/test_hostile_states.py`
        if len(state) < LARGE and at % 4:
            continue
        directory = tmp_path / str(at)
        directory.mkdir()
        (directory / FILE).write_bytes(state)
        more = [("doctor", "--only", "env"), ("facts", "files"), ("env", "a"), ("logs",), ("secrets", "list")]
        for argv in (("status",), *(more if at % 10 == 0 else ())):
            began = time.process_time()
            code, said = looks(directory, *argv)
            assert code != Exit.BUG and "itself failed" not in said and not RAW.search(said), (name, argv, said)
            assert time.process_time() - began < LONGEST, (name, argv)
            taken += code != Exit.BAD_STATE
    assert taken > 30


def _grown(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 30)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(path.parent):
        made.bind(path.name)


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "directory": Path.mkdir,
    "socket": _socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "loop": lambda path: path.symlink_to(path.name),
    "pipe behind a link": lambda path: (os.mkfifo(path.with_name("pipe")), path.symlink_to("pipe")),
    "large": _grown,
    "link to nothing": lambda path: path.symlink_to("nothing"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [FILE, "desired_state.local.toml"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / FILE).write_text(HEAD)
    (tmp_path / name).unlink(missing_ok=True)
    KINDS[kind](tmp_path / name)
    problem = refusal(lambda: load(tmp_path))
    assert problem and problem.code in ("state-unreadable", "state-huge", "state-missing")
    assert name in problem.what and not RAW.search(shown(problem))


PATTERNS = {
    r"^(a+)+$": "a" * 60 + "!",
    r"(a|a)*$": "a" * 60 + "!",
    r"^(\w+\s?)*$": "word " * 30 + "!",
    "(a|a)" * 60 + "$": "a" * 100,
    "a?" * 40 + "a" * 40 + "b": "a" * 80,
    "a*" * 30 + "b": "a" * 500,
    r"^(?=(a+)+$)b": "a" * 60 + "!",
    "(.*)" * 12 + "x": "y" * 300,
    "a*" * 400 + "b": "a" * 60_000,
    "a?" * 300 + "a" * 300 + "b": "a" * 400,
}


@pytest.mark.parametrize(("pattern", "text"), PATTERNS.items(), ids=[each[:20] for each in PATTERNS])
def test_a_pattern_that_tries_for_ever_is_given_up(pattern: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "TIME_LIMIT", 0.3)
    assert patterns.problem(pattern) == ""
    began = time.monotonic()
    with pytest.raises(patterns.TooSlow):
        patterns.found(pattern, [text])
    assert time.monotonic() - began < WAIT


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("^pk_(test|live)_", "pk_live_x", True),
        ("^pk_(test|live)_", "sk_live_x", False),
        (r"listening on .*:\d+", "listening on 127.0.0.1:80", True),
        (r"^https://([a-z0-9-]+\.)+[a-z]+$", "https://a.example.com", True),
        (r"^https://([a-z0-9-]+\.)+[a-z]+$", "https://a.example.com!", False),
        (r"(?i)ready", "READY", True),
        (r"[(]+x[*+]{2}", "((x**", True),
    ],
)
def test_any_other_pattern_means_what_it_always_did(pattern: str, text: str, wanted: bool) -> None:
    assert patterns.found(pattern, [text]) is wanted
    assert patterns.found(pattern, ["x" * 20_000, text]) is wanted


def test_a_value_that_cannot_be_checked_in_time_is_unknown(
    tmp_path: Path, looks: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "TIME_LIMIT", 0.3)
    monkeypatch.setenv("A", "a" * 60 + "!")
    (tmp_path / FILE).write_text(f'{HEAD}[env]\nA = {{ pattern = "^(a+)+$" }}\n')
    began = time.monotonic()
    code, said = looks(tmp_path, "doctor", "--only", "env")
    assert code == Exit.UNKNOWN and "takes too long" in said and time.monotonic() - began < WAIT
