"""A shared secret gets a new value while services that call each other run, and no call is refused."""

from __future__ import annotations

import itertools
import signal
import stat
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from converge import schema
from converge.instance import Instance
from runtime.placements.choice import Asked
from runtime.platform import Platform
from runtime.start import start
from tests.conftest import Checkout, wait_until

PROGRAM = Path(__file__).parent.parent / "runtime" / "callers.py"
ENV = """
[env]
CALL_TOKEN = { generate = "token", prefix = "svc_", secret = true }
CALL_TOKEN_PREVIOUS = { secret = true, required = false }
GIVEN = { secret = true, required = false }
LONELY = { generate = "token", secret = true }
"""
SERVICE = """
[services.NAME]
kind = "command"
dev = "while test -e held-NAME; do sleep 0.05; done; test ! -e broken-NAME && exec PYTHON PROGRAM"
retries = 1
port = PORT
ready = { http = "/readyz" }
env = { PEER_URL = "{OTHER.url}" }
uses = ["OTHER"]
"""


@pytest.fixture
def pair(checkout: Checkout, free_port: Callable[[], int]) -> tuple[Checkout, dict[str, int]]:
    """Services `one` and `two`, running."""
    ports = {"one": free_port(), "two": free_port()}
    program = SERVICE.replace("PYTHON", sys.executable).replace("PROGRAM", str(PROGRAM))
    rows = [
        program.replace("NAME", name).replace("OTHER", other).replace("PORT", str(ports[name]))
        for name, other in (("one", "two"), ("two", "one"))
    ]
    checkout.state(ENV + "".join(rows))
    started = checkout.dev("start")
    assert started.code == 0, started.err
    return checkout, ports


def ask(port: int, path: str = "/call") -> int:
    """The status; a connection that is refused or cut is tried again, an answer never."""

    def status() -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=25) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code
        except OSError:
            return 0

    return int(wait_until(status, 20))


@contextmanager
def load(ports: dict[str, int]) -> Iterator[Counter[int]]:
    """Four callers, a pause after every call, at most 90 seconds; the statuses they saw."""
    seen: Counter[int] = Counter()
    over, guard = threading.Event(), threading.Lock()

    def call(port: int) -> None:
        deadline = time.monotonic() + 90
        while not over.is_set() and time.monotonic() < deadline:
            status = ask(port)
            with guard:
                seen[status] += 1
            over.wait(0.01)

    threads = [threading.Thread(target=call, args=(port,)) for port in itertools.chain(*[ports.values()] * 2)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def values(checkout: Checkout) -> dict[str, str]:
    lines = (checkout.path / ".dev/values").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_no_call_is_refused_while_a_secret_is_rotated(pair: tuple[Checkout, dict[str, int]]) -> None:
    checkout, ports = pair
    before, pids = values(checkout), {name: row["pid"] for name, row in checkout.components().items()}
    (checkout.path / ".dev/values").write_text("# mine\n" + (checkout.path / ".dev/values").read_text() + "OWN=kept")
    with load(ports) as seen:
        wait_until(lambda: seen[200] > 20)
        rotated = checkout.dev("secrets", "rotate", "CALL_TOKEN", "--json")
    print(dict(seen), rotated.json["seconds"])
    assert rotated.code == 0, rotated.err
    assert set(seen) == {200} and seen[200] > 100, seen
    assert rotated.json["restarted"] == ["one", "two"] * 3
    after = values(checkout)
    assert after["CALL_TOKEN"] != before["CALL_TOKEN"] and after["CALL_TOKEN"].startswith("svc_")
    assert "CALL_TOKEN_PREVIOUS" not in after and after["OWN"] == "kept" and after["LONELY"] == before["LONELY"]
    file = checkout.path / ".dev/values"
    assert file.read_text().startswith("# mine\n") and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert before["CALL_TOKEN"] not in rotated.out + rotated.err and after["CALL_TOKEN"] not in rotated.out
    assert all(row["pid"] != pids[name] for name, row in checkout.components().items())
    assert checkout.dev("doctor", "--json").json["verdict"] == "converged"


def test_without_the_walk_calls_are_refused(pair: tuple[Checkout, dict[str, int]]) -> None:
    """What the test above can see: a new value here, the old one there."""
    checkout, ports = pair
    file = checkout.path / ".dev/values"
    file.write_text(file.read_text().replace("CALL_TOKEN=svc_", "CALL_TOKEN=svc_x"))
    instance = Instance(checkout.path, "story", "", max(ports.values()))
    with load(ports) as seen:
        assert not start(Platform(schema.load(checkout.path), instance), ["two"], lambda *_: None, Asked(alone=True))
        wait_until(lambda: seen[401] > 0)
    assert seen[401]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_rotation_that_is_killed_goes_on_where_it_was(pair: tuple[Checkout, dict[str, int]], step: int) -> None:
    checkout, ports = pair
    before = values(checkout)["CALL_TOKEN"]
    with load(ports) as seen:
        process = checkout.popen("secrets", "rotate", "CALL_TOKEN")
        assert process.stderr
        for line in process.stderr:
            if f"step {step} of 3" in line:
                break
        held = checkout.write("held-two", "")
        wait_until(lambda: any("one" in line and "ready" in line for line in process.stderr or ()))
        process.send_signal(signal.SIGKILL)  # one of two has been restarted
        process.wait()
        held.unlink()
        (cut,) = [row for row in checkout.dev("secrets", "list", "--json").json["secrets"] if row["step"]]
        assert (cut["name"], cut["step"]) == ("CALL_TOKEN", step)
        again = checkout.dev("secrets", "rotate", "CALL_TOKEN", "--json")
    assert again.code == 0, again.err
    assert set(seen) == {200}, seen
    rest = ["two"] + ["one", "two"] * (3 - step)
    assert again.json["restarted"] in (rest, rest[1:])  # it may have been quicker than the kill
    assert {row["state"] for row in checkout.components().values()} == {"ready"}
    after = values(checkout)
    assert after["CALL_TOKEN"] != before and "CALL_TOKEN_PREVIOUS" not in after
    assert "rotation of" not in (checkout.path / ".dev/values").read_text()


def test_a_service_that_does_not_come_back_stops_the_walk_and_a_second_run_goes_on(
    pair: tuple[Checkout, dict[str, int]],
) -> None:
    checkout, ports = pair
    old = values(checkout)["CALL_TOKEN"]
    broken = checkout.write("broken-two", "")
    ran = checkout.dev("secrets", "rotate", "CALL_TOKEN")
    assert ran.code == 3 and "error[not-ready]" in ran.err and "./dev secrets rotate CALL_TOKEN continues" in ran.err
    assert values(checkout)["CALL_TOKEN"] == old and checkout.components()["one"]["state"] == "ready"
    assert "interrupted in step 1" in checkout.dev("secrets", "list").out
    broken.unlink()
    again = checkout.dev("secrets", "rotate", "CALL_TOKEN", "--json")
    assert again.code == 0 and again.json["restarted"] == ["two", "one", "two", "one", "two"], again.err
    assert values(checkout)["CALL_TOKEN"] != old and {ask(port) for port in ports.values()} == {200}


def test_every_instance_of_the_checkout_is_walked(pair: tuple[Checkout, dict[str, int]]) -> None:
    checkout, _ = pair
    assert checkout.dev("--instance", "beside", "start").code == 0
    rows = checkout.components("--instance", "beside")
    ports = {name: int(row["port"]) for name, row in rows.items()}
    rotated = checkout.dev("secrets", "rotate", "CALL_TOKEN", "--json")
    assert rotated.json["restarted"] == ["one (beside)", "two (beside)", "one", "two"] * 3
    assert checkout.dev("--instance", "beside", "restart", "one").code == 0
    assert {ask(port) for port in ports.values()} == {200}


def test_what_cannot_be_rotated_says_why(pair: tuple[Checkout, dict[str, int]]) -> None:
    checkout, _ = pair
    text = (checkout.path / ".dev/values").read_text()
    for name, code, exit in (
        ("LONELY", "secret-previous", 4), ("GIVEN", "secret-given", 4), ("NOBODY", "secret-unknown", 64),
    ):  # fmt: skip
        ran = checkout.dev("secrets", "rotate", name)
        assert ran.code == exit and f"error[{code}]" in ran.err and "hint:" in ran.err
    assert checkout.dev("secrets", "rotate").code == 64
    assert (checkout.path / ".dev/values").read_text() == text
    checkout.write(".dev/values", text + "CALL_TOKEN_PREVIOUS=svc_byhand\n", 0o600)
    ran = checkout.dev("secrets", "rotate", "CALL_TOKEN")
    assert "error[secret-previous]" in ran.err and "byhand" not in ran.out + ran.err


def test_secrets_are_listed_by_name_alone(pair: tuple[Checkout, dict[str, int]]) -> None:
    checkout, _ = pair
    listed = checkout.dev("secrets", "list")
    assert not [value for value in values(checkout).values() if value in listed.out]
    rows = {row["name"]: row for row in checkout.dev("secrets", "list", "--json").json["secrets"]}
    assert list(rows) == ["CALL_TOKEN", "GIVEN", "LONELY"]
    assert rows["CALL_TOKEN"]["previous"] == "CALL_TOKEN_PREVIOUS" and rows["LONELY"]["previous"] is None
