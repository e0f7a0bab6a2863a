"""Components good and bad, run by the real tool: honest readiness, honest failure, nothing left behind."""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Checkout, elapse, is_free, neighbours, ports, removed, wait_until

PROGRAMS = Path(__file__).with_name("programs.py")


def service(name: str, how: str, port: int | None = None, more: str = "") -> str:
    line = f"port = {port}\n" if port else ""
    dev = f"{sys.executable} programs.py {how}"
    return f"[services.{name}]\nkind = 'command'\ndev = '{dev}'\n{line}stop_grace = 1.0\n{more}\n"


@pytest.fixture(autouse=True)
def programs(checkout: Checkout) -> None:
    shutil.copy(PROGRAMS, checkout.path)


def running(checkout: Checkout, words: bytes) -> list[int]:
    """Processes of the checkout whose command line contains the words."""
    found = []
    for pid in checkout.processes():
        with contextlib.suppress(OSError):
            found += [pid] if words in Path(f"/proc/{pid}/cmdline").read_bytes() else []
    return found


def listens(port: int) -> bool:
    return not is_free(port)


def get(port: int, path: str = "/") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def test_start_twice_is_one_platform_and_stop_leaves_nothing(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state(service("a", "serve", port, "ready = { http = '/' }") + service("w", "worker"))
    assert checkout.dev("status").code == 2
    first = checkout.dev("start")
    assert first.code == 0 and f"http://127.0.0.1:{port}" in first.out
    answer = get(port)
    began = time.monotonic()
    assert checkout.dev("start").code == 0
    assert time.monotonic() - began < 30
    assert get(port) == answer, "a second start restarted what ran"
    entries = checkout.components()
    assert {name: entry["state"] for name, entry in entries.items()} == {"a": "ready", "w": "ready"}
    assert entries["a"]["address"] == f"127.0.0.1:{port}" and entries["w"]["port"] is None
    assert checkout.dev("stop").code == 0
    assert checkout.processes() == []
    assert checkout.dev("stop").code == 0


def test_two_starts_at_once_are_one_platform(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(service("a", "serve", free_port()))
    both = [checkout.popen("start"), checkout.popen("start")]
    assert [process.wait(60) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    assert len([pid for pid in checkout.processes() if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()]) <= 2
    assert checkout.components()["a"]["restarts"] == 0


def test_a_crash_at_start_is_told_with_its_last_words(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(
        service("a", "crash", free_port(), "retries = 1") + service("b", "serve", free_port(), "needs = ['a']")
    )
    ran = checkout.dev("start")
    assert ran.code == 3
    assert "a is not ready" in ran.err and "I cannot find my hat" in ran.err and "./dev logs a" in ran.err
    entries = checkout.components()
    assert entries["a"]["state"] == "failed" and "ended with 3" in entries["a"]["reason"]
    assert entries["b"]["state"] == "stopped"


def test_what_never_gets_ready_is_reported_and_goes_on(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state(service("a", "serve", port))
    assert checkout.dev("start").code == 0
    checkout.state(service("a", "serve", port, "ready = { http = '/never', timeout = 1.0 }"))
    ran = checkout.dev("start")
    assert ran.code == 3 and "/never answers 503" in ran.err
    entry = checkout.components()["a"]
    assert entry["state"] == "unhealthy" and entry["pid"], "it was ready before, and goes on"


def test_a_stranger_on_the_port_is_named_and_lives(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state(service("a", "serve", port))
    with socket.create_server(("127.0.0.1", port)):
        ran = checkout.dev("start")
        assert ran.code == 3
        assert f"port {port} of a is taken" in ran.err and f"pid {os.getpid()}" in ran.err
        assert "desired_state.toml:" in ran.err
        doctor = checkout.dev("doctor", "--json").json
        (item,) = [entry for entry in doctor["items"] if entry["id"] == "ports.a"]
        assert item["status"] == "manual" and doctor["exit_code"] == 4
    assert checkout.dev("start").code == 0


@pytest.mark.parametrize("ready", ["tcp = true", "http = '/'"])
def test_a_component_is_not_ready_while_another_process_answers_on_its_port(
    checkout: Checkout, free_port: Callable[[], int], ready: str
) -> None:
    port = free_port()
    checkout.state(
        service("a", "worker", port, f"ready = {{ {ready}, timeout = 1.0 }}")
        + service("b", "serve", None, f"env = {{ PORT = '{port}' }}")
    )
    assert checkout.dev("start", "a").code == 3
    with http.server.HTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler) as stranger:
        stranger.RequestHandlerClass = type("Fine", (http.server.BaseHTTPRequestHandler,), {"do_GET": _fine})
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        assert get(port) == "fine"
        entry = checkout.components()["a"]
        stranger.shutdown()
    assert entry["state"] == "starting" and f"pid {os.getpid()}" in entry["reason"]
    assert checkout.dev("start", "b").code == 0
    wait_until(lambda: listens(port), 60)
    entries = checkout.components()
    assert (entries["a"]["state"], entries["b"]["state"]) == ("starting", "ready"), "b is not a"


def test_a_start_by_name_starts_what_it_needs_and_uses_and_nothing_else(checkout: Checkout) -> None:
    checkout.state(
        service("a", "worker", more="uses = ['b']") + service("b", "worker", more="uses = ['c']\nneeds = ['d']")
        + service("c", "worker", more="uses = ['a']") + service("d", "worker") + service("e", "worker")
    )  # fmt: skip
    assert checkout.dev("start", "a").code == 0
    states = {name: entry["state"] for name, entry in checkout.components().items()}
    assert states == {**dict.fromkeys("abcd", "ready"), "e": "stopped"}


@pytest.mark.parametrize(
    ("noted", "argv", "placement"),
    [("native", ("--infra", "docker"), "auto"), ("native", (), "docker"), ("docker", ("--infra", "native"), "auto"),
     ("docker", (), "native"), ("docker", ("--infra", "native"), "docker")],
)  # fmt: skip
def test_a_start_away_from_the_data_is_refused(
    checkout: Checkout, free_port: Callable[[], int], noted: str, argv: tuple[str, ...], placement: str
) -> None:
    line = f"[infra.x]\nport = {free_port()}\nrun = 'touch began; sleep 100'\nplacement = '{placement}'\n"
    checkout.state(line)
    checkout.write(".dev/instances/default/placed/x", noted + "\n")
    ran = checkout.dev("start", *argv)
    assert ran.code == 3 and "error[data-elsewhere]" in ran.err and f"--from {noted}" in ran.err, ran.err
    assert checkout.components()["x"]["state"] == "stopped" and not (checkout.path / "began").exists()


@pytest.mark.parametrize("how", ["deaf", "escape"])
def test_the_whole_tree_ends(checkout: Checkout, free_port: Callable[[], int], how: str) -> None:
    checkout.state(service("a", how, free_port()))
    assert checkout.dev("start").code == 0
    assert checkout.processes()
    assert checkout.dev("stop").code == 0
    assert checkout.processes() == []


def test_a_killed_shim_leaves_no_orphan_and_a_rerun_heals(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state(service("a", "escape", port))
    assert checkout.dev("start").code == 0
    shim = int(wait_until(lambda: _told(checkout, "a").get("shim")))
    os.kill(shim, signal.SIGKILL)
    wait_until(lambda: checkout.processes() == [])
    assert checkout.components()["a"]["state"] == "stopped"
    assert checkout.dev("start").code == 0
    assert get(port)


def test_without_its_state_a_component_ends_and_the_next_start_is_clean(
    checkout: Checkout, free_port: Callable[[], int]
) -> None:
    port = free_port()
    checkout.state(service("a", "escape", port))
    assert checkout.dev("start").code == 0
    first = get(port)
    removed(checkout.path / ".dev/instances")
    assert checkout.dev("start").code == 0
    assert get(port) != first
    wait_until(lambda: len(running(checkout, b"escape")) <= 2, 30)  # the first one's shim ends by itself
    assert checkout.components()["a"]["state"] == "ready" and checkout.components()["a"]["restarts"] == 0


def test_killed_at_any_moment_one_rerun_heals(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state(
        "[env]\nKEY = { generate = 'token' }\n[files.'conf/a']\ncontent = 'x'\n"
        + service("seed", "seed", more="once = true")
        + service("a", "serve", port, "needs = ['seed']\nmigrate = 'sleep 0.1'")
    )
    for moment in (0.03, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.6):
        process = checkout.popen("start")
        elapse(moment)
        process.kill()
        process.communicate()
        healed = checkout.dev("start")
        assert healed.code == 0, f"{moment}: {healed.err}"
        assert checkout.components()["a"]["state"] == "ready" and get(port)
        assert checkout.dev("doctor").code == 0
        assert (checkout.path / ".dev/values").read_text().count("KEY=") == 1
        assert checkout.dev("stop").code == 0
        wait_until(lambda: checkout.processes() == [])


@pytest.mark.parametrize("line", ["placement = 'docker'", "fallback = false"])
def test_a_placement_that_is_not_there_is_refused(checkout: Checkout, free_port: Callable[[], int], line: str) -> None:
    checkout.state(f"[infra.x]\nport = {free_port()}\nrun = 'sleep 100'\n{line}\n")
    ran = checkout.dev("start")
    assert ran.code == 3 and "error[docker-unavailable]" in ran.err and "desired_state.toml:" in ran.err
    assert checkout.components()["x"]["state"] == "stopped"


def test_a_slow_start_shows_what_the_component_says(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(service("a", "worker", free_port(), "ready = { tcp = true, timeout = 6.0 }"))
    ran = checkout.dev("start")
    assert ran.code == 3 and "starting: tick" in ran.err


def test_a_killed_service_is_restarted_and_counted(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state(service("a", "serve", port))
    assert checkout.dev("start").code == 0
    old = checkout.components()["a"]["pid"]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: checkout.components()["a"]["state"] == "ready" and checkout.components()["a"]["pid"] != old)
    assert checkout.components()["a"]["restarts"] == 1


def test_a_seed_runs_once_per_start_and_before_who_needs_it(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(service("seed", "seed", more="once = true") + service("a", "serve", free_port(), "needs = ['seed']"))
    assert checkout.dev("start").code == 0
    assert (checkout.path / "seeded").read_text() == "x"
    assert checkout.components()["seed"]["state"] == "ready"
    assert checkout.dev("status").code == 0


def test_a_changed_component_alone_is_restarted(checkout: Checkout, free_port: Callable[[], int]) -> None:
    one, two = free_port(), free_port()
    other = service("b", "serve", two)
    checkout.state(service("a", "serve", one) + other)
    assert checkout.dev("start").code == 0
    before = get(one), get(two)
    checkout.state(service("a", "serve", one, "env = { GREETING = 'good evening' }") + other)
    assert checkout.dev("start").code == 0
    assert get(one).startswith("good evening") and get(one) != before[0]
    assert get(two) == before[1]


def test_what_is_no_longer_declared_is_ended(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(service("old", "worker") + service("a", "serve", free_port()))
    assert checkout.dev("start").code == 0
    running = len(checkout.processes())
    checkout.state(service("a", "serve", free_port()))
    ran = checkout.dev("start")
    assert ran.code == 0 and "no longer declared" in ran.err
    assert len(checkout.processes()) < running


def test_a_failed_migration_keeps_the_service_from_starting(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(service("a", "serve", free_port(), "migrate = 'echo no such table; exit 7'"))
    ran = checkout.dev("start")
    assert ran.code == 3 and "ended with 7: no such table" in ran.err
    entry = checkout.components()["a"]
    assert entry["state"] == "failed" and entry["pid"] is None and "ended with 7" in entry["reason"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing(
    checkout: Checkout, free_port: Callable[[], int], number: signal.Signals
) -> None:
    checkout.state(
        service("a", "serve", free_port(), "ready = { http = '/never' }")
        + service("b", "serve", free_port(), "migrate = 'sleep 60'")
    )
    process = checkout.popen("start")
    wait_until(lambda: running(checkout, b"programs.py\0serve") and running(checkout, b"sleep\x0060"), 60)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + number and "interrupted, stopped" in str(said)
    wait_until(lambda: checkout.processes() == [])


def test_logs_are_one_story(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(service("a", "serve", free_port()) + service("w", "worker"))
    assert checkout.dev("start").code == 0
    wait_until(lambda: checkout.dev("logs", "w", "--grep", "tick").out.count("tick") > 3)
    stamps = [line.split()[0] for line in checkout.dev("logs").out.splitlines()]
    assert stamps == sorted(stamps) and len(stamps) > 3
    assert "w " not in checkout.dev("logs", "a").out
    assert checkout.dev("logs", "--since", "1h").out
    assert checkout.dev("logs", "--since", "2999-01-01").out == ""
    assert checkout.dev("logs", "--since", "soon").code == 64
    assert checkout.dev("logs", "nobody").code == 64
    follower = checkout.popen("logs", "-f", "w")
    assert follower.stdout
    lines = [follower.stdout.readline() for _ in range(5)]
    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=10)
    assert all(line for line in lines) and follower.returncode == 130


def test_two_instances_run_side_by_side(checkout: Checkout) -> None:
    port = neighbours(ports(15000, 20000), 1)
    checkout.state(service("a", "serve", port))
    assert checkout.dev("start").code == 0
    assert checkout.dev("--instance", "second", "start").code == 0
    other = checkout.components("--instance", "second")["a"]["port"]
    assert other != port and get(port) != get(other)
    assert checkout.dev("--instance", "second", "stop").code == 0
    assert checkout.components()["a"]["state"] == "ready"


def test_a_service_gets_what_is_declared_and_nothing_else(checkout: Checkout, free_port: Callable[[], int]) -> None:
    one, two = free_port(), free_port()
    checkout.state(
        "[env]\nMODE = 'test'\nKEY = { generate = 'token', secret = true }\n"
        + service("a", "serve", one)
        + service("b", "serve", two, "needs = ['a']\nenv = { A = '{a.url}', MINE = '{port}' }")
    )
    assert checkout.dev("start", env={"STRANGE": "1", "HTTPS_PROXY": "http://proxy:1"}).code == 0
    pid = checkout.components()["b"]["pid"]
    env = dict(pair.split("=", 1) for pair in Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0") if pair)
    assert env["A"] == f"http://127.0.0.1:{one}" and env["MINE"] == env["PORT"] == str(two) and env["MODE"] == "test"
    assert "STRANGE" not in env and env["HTTPS_PROXY"] == "http://proxy:1" and "127.0.0.1" in env["NO_PROXY"]
    assert len(env["KEY"]) >= 40
    shown = checkout.dev("env", "b").out
    assert env["KEY"] not in shown and "KEY=********" in shown
    assert env["KEY"] not in checkout.dev("facts").out + checkout.dev("doctor", "--json").out
    assert (checkout.path / ".dev/values").stat().st_mode & 0o777 == 0o600


def test_start_and_stop_a_hundred_times_leaves_nothing(checkout: Checkout, free_port: Callable[[], int]) -> None:
    rounds = int(os.environ.get("DEV_TEST_ROUNDS", "12"))
    checkout.state(service("a", "escape", free_port()))

    def held() -> set[str]:
        return {str(path) for path in (checkout.path / ".dev").rglob("*") if "cache" not in path.parts}

    assert checkout.dev("start").code == 0 and checkout.dev("stop").code == 0
    before = held()
    for _ in range(rounds):
        assert checkout.dev("start").code == 0
        assert checkout.dev("stop").code == 0
    assert checkout.processes() == [] and held() == before


def _fine(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfine")


def _told(checkout: Checkout, name: str) -> dict[str, object]:
    import json

    try:
        return dict(json.loads((checkout.path / f".dev/instances/default/run/{name}/state.json").read_text()))
    except (OSError, ValueError):
        return {}
