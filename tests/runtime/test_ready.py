"""Ready is said of what is ready: of this run alone, after it has lived for a moment, and within a bounded time."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from converge import schema
from converge.instance import Instance
from facts import users
from facts.ports import MARK
from runtime import health
from runtime.component import Component
from runtime.health import command, said
from runtime.health.budget import Budget
from runtime.placements.choice import Asked, Choices
from runtime.placements.seen import Seen
from runtime.platform import Platform
from runtime.start import wait
from runtime.start.run import Run
from tests.conftest import Checkout, wait_until

HEAD = 'schema = 1\n[project]\nname = "x"\n'


def one(path: Path, text: str) -> tuple[Platform, Component]:
    """The component `a` of a state."""
    platform = Platform(schema.parse((HEAD + text).encode()), Instance(path, "x"))
    return platform, platform.components["a"]


def running(began: float, pid: int = 1) -> Seen:
    return Seen("native", True, "running", pid=pid, began=began)


def logged(component: Component, moment: float, text: str, file: str = "") -> None:
    stamp = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"
    component.log.parent.mkdir(parents=True, exist_ok=True)
    with component.log.with_name(component.log.name + file).open("a") as log:
        log.write(f"{stamp} | {text}\n")


WORKER = "[services.a]\nkind = 'command'\ndev = 'true'\n"


def test_its_log_counts_from_the_beginning_of_this_run(tmp_path: Path) -> None:
    _, a = one(tmp_path, WORKER)
    now = time.time()
    logged(a, now - 60, "I am ready", ".1")
    logged(a, now - 30, "I am ready")
    assert "ready" in said.why_not(a, running(now), "am ready$")
    logged(a, now + 1, "I am ready")
    assert said.why_not(a, running(now), "^I am") == ""


def test_what_was_said_once_is_remembered_for_this_run_alone(tmp_path: Path) -> None:
    _, a = one(tmp_path, WORKER)
    now = time.time()
    logged(a, now + 1, "I am ready")
    assert said.why_not(a, running(now), "ready") == ""
    a.log.unlink()  # rotated twice
    assert said.why_not(a, running(now), "ready") == ""
    assert said.why_not(a, running(now), "steady")
    assert said.why_not(a, running(now, pid=2), "ready")
    assert said.why_not(a, running(now + 9), "ready")


def test_what_was_rotated_once_is_still_read(tmp_path: Path) -> None:
    _, a = one(tmp_path, WORKER)
    now = time.time()
    logged(a, now + 1, "I am ready", ".1")
    logged(a, now + 2, "more")
    assert said.why_not(a, running(now), "ready") == ""


@pytest.mark.parametrize(
    ("more", "age", "ready"),
    [
        ("", 0.2, False), ("", 1.5, True), ("", -3600.0, True),  # the clock was set back by an hour
        ("ready_after = 5.0\n", 1.5, False), ("ready_after = 5.0\n", 6.0, True), ("ready_after = 0.0\n", 0.0, True),
        ("ready = { exec = 'true' }\n", 0.0, True), ("ready = { exec = 'true' }\nready_after = 5.0\n", 1.0, False),
    ],
)  # fmt: skip
def test_without_a_port_it_must_have_run_for_a_moment(tmp_path: Path, more: str, age: float, ready: bool) -> None:
    platform, a = one(tmp_path, WORKER + more)
    found = health.judge(platform, a, running(time.time() - age, pid=1 << 30))  # no process tells
    assert (found.state == "ready") == ready, found
    assert ready or "it has run for less than" in found.reason


@pytest.fixture
def executed(tmp_path: Path) -> Iterator[Callable[[str, float], str]]:
    """Gives why a command is not ready; afterwards nothing of it may live."""
    platform, a = one(tmp_path, WORKER.replace("'true'", "'true'\nport = 20002"))
    yield lambda text, seconds: command.why_not(platform, a, text, seconds)

    def left() -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and f"{MARK}={a.mark}".encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue
        return found

    wait_until(lambda: not left(), 30)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("true", ""),
        ("test {port} = 20002 && test $PORT = {port} && awk 'BEGIN {print}'", ""),
        ("echo one; echo the reason >&2; exit 3", "ends with 3: the reason"),
        ("kill -9 $$", "was ended by signal 9"),
        ("no-such-command", "ends with 127: "),
        ("sleep 300 & echo started; exit 4", "ends with 4: started"),
        ("sleep 300 &", ""),
        ("yes | head -c 3000000; exit 5", "ends with 5: y"),
    ],
)
def test_a_command_is_judged_by_its_end(executed: Callable[[str, float], str], text: str, wanted: str) -> None:
    found = executed(text, 60)
    assert (wanted in found) if wanted else found == ""


def test_a_command_that_hangs_is_ended_with_its_children(
    executed: Callable[[str, float], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LONGEST", 0.3)
    began = time.monotonic()
    assert "did not end within 0.5 s" in executed("trap '' TERM; sleep 300 & sleep 301; true", 0.5)
    assert time.monotonic() - began < 30


def test_time_in_a_compiler_is_not_time_to_get_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    budget = Budget(timeout=10, compile_timeout=30)
    now += 4
    assert budget.note(compiling=False) == "" and budget.left() == 6
    now += 20
    assert budget.note(compiling=True) == "" and budget.left() == 6
    now += 5
    assert budget.note(compiling=False) == "" and budget.left() == 1
    now += 11
    assert "still compiles after 30 s" in budget.note(compiling=True)


ENDS = {"well-done": "sleep 0.2", "killed": "kill -9 $$", "no-program": "exec ./plain", "goes-behind": "sleep 1000 &"}
"""Services that end within a second: with success, by a signal, before they are a program, after their work forked."""


def test_what_ends_at_once_is_not_ready(checkout: Checkout) -> None:
    short = "sleep 0.3; echo I cannot find my hat; exit 3"
    checkout.state(
        "[services.absent]\nkind = 'command'\ndev = 'no-such-command'\nretries = 0\n"
        f"[services.short]\nkind = 'command'\ndev = '{short}'\nretries = 0\n"
        "[services.well]\nkind = 'command'\ndev = 'exec sleep 600'\nretries = 0\n"
        "[services.seed]\nkind = 'command'\ndev = 'true'\nonce = true\n"
        + "".join(f"[services.{name}]\nkind = 'command'\ndev = '{dev}'\nretries = 0\n" for name, dev in ENDS.items())
    )
    checkout.write("plain", "no program")
    ran = checkout.dev("start")
    assert ran.code == 3
    assert "absent is not ready" in ran.err and "short is not ready" in ran.err and "I cannot find my hat" in ran.err
    states = {name: entry["state"] for name, entry in checkout.components().items()}
    assert states == {"well": "ready", "seed": "ready", **dict.fromkeys(("absent", "short", *ENDS), "failed")}
    assert all(f"{name} is not ready" in ran.err for name in ENDS), ran.err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens where")
@pytest.mark.parametrize(
    ("address", "moved", "words"),
    [
        ("::1", False, "alone, where 127.0.0.1 does not lead"),
        ("127.0.0.1", True, "and not on"),
        ("::", True, "and not on"),
        ("0.0.0.0", False, ""),
    ],
)
def test_what_listens_elsewhere_is_told_where(
    tmp_path: Path, free_port: Callable[[], int], address: str, moved: bool, words: str
) -> None:
    port = free_port()
    platform, a = one(tmp_path, WORKER + f"port = {port}\n")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        server = socket.create_server((address, free_port() if moved else port), family=family)
    except OSError:
        pytest.skip(f"this machine has no {address}")
    with server:
        found = health.judge(platform, a, running(time.time() - 60, pid=os.getpid()))
    assert found.state == "starting" and words in found.reason
    assert not words or (f"{port}" in found.reason and "let it listen" in found.reason)


SLOW = """
import http.server, os, time
print("hello", flush=True)
class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            while True:
                self.wfile.write(b"H")
                time.sleep(0.5)
        except OSError:
            pass
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Slow).serve_forever()
"""


def test_no_command_hangs_on_an_endpoint_that_never_ends(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.write("slow.py", SLOW)
    checkout.state(
        f"[services.a]\nkind = 'command'\ndev = '{sys.executable} slow.py'\nport = {free_port()}\n"
        "ready = { http = '/', timeout = 3.0 }\nstop_grace = 1.0\n"
    )
    ran = checkout.dev("start", timeout=60)
    assert ran.code == 3 and "timed out" in ran.err
    entry = checkout.components()["a"]
    assert entry["state"] == "starting" and "timed out" in entry["reason"]
    assert checkout.dev("stop", timeout=60).code == 0
    assert checkout.processes() == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [("[infra.a]\nkind = 'postgres'", ""), ("[infra.a]\nkind = 'redis'", ""),
     ("[infra.a]\nrun = 'kv $HOST'", "or remove {host} or $HOST from its `run`"),
     ("[services.a]\nkind = 'command'\ndev = 'x {host}'", "or its entry needs `host`")],
)  # fmt: skip
def test_only_a_command_of_ones_own_is_told_to_listen_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, words: str
) -> None:
    monkeypatch.setenv(users.SETTING, "yes")
    platform, component = one(tmp_path, entry + "\nport = 20001\n")
    component.directory.mkdir(parents=True)
    (component.directory / "spec.json").write_text('{"env": {"HOST": "127.0.0.3"}}')
    run = Run(platform, Choices({"a": "native"}), {"a": component}, Asked())
    hint = wait._failure(run, component, "native", "it ended with 1").hint
    assert ("127.0.0.3" in hint) is bool(words) and words in hint
