"""One status for every way a component can be found, and the cause named where it is another component."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import get_args

import pytest

from converge.desired import Infra, Service
from converge.instance import Instance
from facts import processes
from runtime.component import InfraComponent, ServiceComponent
from runtime.handoff import record
from runtime.health import served
from runtime.placements import docker
from runtime.placements.seen import Seen, of_record
from runtime.status import State, Status, among, judge
from tests.conftest import Checkout, wait_until

BEGAN = 1_700_000_000.0
RUNS = Seen("native", True, "running", pid=12, began=BEGAN, fingerprint="f")
BOXED = replace(RUNS, placement="docker")
WHY = "/readyz answers 503"

API = """\
import http.server, os, socket
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            socket.create_connection(("127.0.0.1", int(os.environ["DB"])), 1).close()
            code = 200
        except OSError:
            code = 503
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Api).serve_forever()
"""


def a_service(path: Path, **more: object) -> ServiceComponent:
    wants = Service(kind="command", port=20001, needs=("db",), uses=("mail",))
    return ServiceComponent("api", replace(wants, **more), Instance(path, "x"))  # type: ignore[arg-type]


CASES: list[tuple[Seen, str, bool, State, str]] = [
    (Seen("native"), "", False, "stopped", ""),
    (Seen("native", False, "stopped", "asked to end"), "", True, "stopped", "asked to end"),
    (Seen("native", False, "running", pid=12), "", True, "stopped", "it was killed together with its shim"),
    (Seen("native", False, "failed", "ended with 3"), "", False, "failed", "ended with 3"),
    (Seen("native", False, "done"), "", False, "ready", ""),
    (Seen("docker", False, "lost", "its Docker engine does not answer"), "", True, "unknown", "does not answer"),
    (Seen("docker", False, "created"), "", False, "stopped", ""),
    (RUNS, "", False, "ready", ""),
    (RUNS, WHY, False, "starting", WHY),
    (RUNS, WHY, True, "unhealthy", WHY),
    (BOXED, WHY, True, "unhealthy", WHY),
    (replace(RUNS, state="backoff", reason="ended with 3"), "", True, "restarting", "ended with 3"),
    (replace(BOXED, state="paused", reason="its container is paused"), "", True, "paused", "its container is paused"),
    (replace(RUNS, placement="ide"), "", False, "ready", "your process has it"),
    (replace(RUNS, placement="ide"), WHY, True, "waiting", WHY),
    (replace(RUNS, debug=2345), WHY, True, "starting", "under its debugger on 127.0.0.1:2345"),
    (replace(RUNS, debug=2345), "", True, "ready", "under its debugger on 127.0.0.1:2345"),
]


@pytest.mark.parametrize(("seen", "missing", "before", "state", "reason"), CASES)
def test_every_way_to_be_found_has_one_state(
    tmp_path: Path, seen: Seen, missing: str, before: bool, state: State, reason: str
) -> None:
    found = judge(a_service(tmp_path, debug="x {debug_port}", debug_port=2345), seen, missing, before)
    assert (found.state, reason in found.reason) == (state, True), found
    assert (found.pid is not None) == seen.lives


def test_a_migration_is_what_counts_and_every_state_is_made_somewhere(tmp_path: Path) -> None:
    assert judge(a_service(tmp_path), Seen("native"), migrates=2.0).state == "migrating"
    assert {state for *_, state, _ in CASES} | {"migrating", "compiling"} == set(get_args(State))


@pytest.mark.parametrize("state", [state for state in get_args(State) if state != "ready"])
def test_what_it_needs_is_named_with_its_state(tmp_path: Path, state: State) -> None:
    api = a_service(tmp_path)
    db, mail = (Status(name, "infra", "native", state, 1) for name in ("db", "mail"))
    ready = replace(mail, state="ready")
    own = judge(api, RUNS, WHY)
    found = among(api, own, {"db": db, "mail": ready}.__getitem__)
    assert (found.state, found.reason) == ("unhealthy", f"{WHY}; needs db, which is {state}")
    found = among(api, own, {"db": ready, "mail": mail}.__getitem__)
    assert (found.state, found.reason) == ("starting", f"{WHY}; uses mail, which is {state}")
    assert among(api, own, lambda _: ready) == own
    serves = judge(api, RUNS)
    assert among(api, serves, {"db": db, "mail": mail}.__getitem__) == serves


def test_ready_is_remembered_for_one_process_only(tmp_path: Path) -> None:
    api = a_service(tmp_path)
    assert not served.ever(api, RUNS)
    served.remember(api, RUNS)
    assert served.ever(api, RUNS)
    others = (replace(RUNS, began=BEGAN + 1), replace(RUNS, fingerprint="g"), BOXED)
    assert not any(served.ever(api, other) for other in others)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, Seen("native")),
        ({"state": "running", "pid": 7, "began": 5, "hash": "h", "restarts": 2, "debug": None, "reason": None},
         Seen("native", False, "running", "", 7, 2, 5.0, "h")),
        *(({"state": "running", "pid": 7, "began": began}, Seen("native", False, "running", "", 7))
          for began in (1e300, -1.0, float("nan"), float("inf"), 10**400, "1e3", True, [5], 253402300800)),
        *(({"pid": number, "restarts": number, "debug": number}, Seen("native"))
          for number in (True, -1, 1 << 31, 10**400, 7.0)),
        ({"state": "dancing", "pid": "7", "began": "now", "hash": 3, "restarts": [], "reason": 9}, Seen("native")),
    ],
)  # fmt: skip
def test_a_record_counts_only_as_far_as_it_makes_sense(record: dict[str, object], expected: Seen) -> None:
    assert of_record("native", False, record) == expected


@pytest.mark.parametrize(
    "wrong", [{"since": 1e300}, {"until": float("nan")}, {"since": "now"}, {"until": -1}, {"state": 3}, {"host": None}]
)
def test_a_damaged_record_of_a_hand_off_is_none(tmp_path: Path, wrong: dict[str, object]) -> None:
    instance = Instance(tmp_path, "x")
    entry = record.Record("api", "IDE_WAIT", "native", BEGAN, BEGAN + 1)
    record.write(instance, entry)
    assert record.record(instance, "api") == entry
    instance.handed("api").write_text(json.dumps(asdict(entry) | wrong))
    assert record.record(instance, "api") is None and not record.records(instance)


@pytest.mark.parametrize(
    ("state", "once", "expected"),
    [
        ({"Status": "paused"}, False, "paused"), ({"Status": "running"}, False, "running"),
        ({"Status": "restarting", "ExitCode": 1}, False, "backoff"), ({"Status": "created"}, False, "created"),
        ({"Status": "exited", "ExitCode": 0}, True, "done"), ({"Status": "exited", "ExitCode": 143}, False, "stopped"),
        ({"Status": "exited", "ExitCode": 1}, False, "failed"),
        ({"Status": "exited", "OOMKilled": True}, True, "failed"),
    ],
)  # fmt: skip
def test_what_an_engine_says_is_one_state(state: dict[str, object], once: bool, expected: str) -> None:
    assert docker.state_of(state, once)[0] == expected


def test_a_database_that_went_away_is_named(checkout: Checkout, free_port: Callable[[], int]) -> None:
    db, api = free_port(), free_port()
    checkout.write("api.py", API)
    checkout.state(
        f"[infra.db]\nkind = 'command'\nport = {db}\nstop_grace = 1.0\n"
        f"run = '{sys.executable} -m http.server --bind 127.0.0.1 {db}'\n"
        f"[services.api]\nkind = 'command'\ndev = '{sys.executable} api.py'\nport = {api}\nneeds = ['db']\n"
        f"stop_grace = 1.0\nenv = {{ DB = '{{db.port}}' }}\nready = {{ http = '/' }}\n"
    )
    started = checkout.dev("start")
    assert started.code == 0, started.err
    assert checkout.dev("stop", "db").code == 0
    found = checkout.components()
    assert (found["db"]["state"], found["api"]["state"]) == ("stopped", "unhealthy")
    assert found["api"]["reason"] == "/ answers 503; needs db, which is stopped"
    assert "needs db, which is stopped" in checkout.dev("status").out


def test_a_migration_and_restarts_show_while_they_last(checkout: Checkout) -> None:
    ending = "import sys, time; time.sleep(0.2); sys.exit(3)"
    checkout.state(f"[services.w]\nkind = 'command'\ndev = '{sys.executable} -c \"{ending}\"'\nretries = 40\n")
    start = checkout.popen("start")
    try:
        wait_until(lambda: checkout.components()["w"]["state"] == "restarting", 60)
        entry = checkout.components()["w"]
        assert entry["restarts"] >= 1
    finally:
        start.send_signal(signal.SIGINT)
        start.wait(60)
    assert checkout.dev("stop").code == 0
    record = next((checkout.path / ".dev").rglob("run/w")) / "migrating.json"
    with subprocess.Popen(["sleep", "300"]) as migration:
        found = processes.read(migration.pid)
        assert found
        about = {"pid": migration.pid, "start": found.start, "began": time.time() - 5}
        record.write_text(json.dumps(about | {"start": found.start - 1}))
        assert checkout.components()["w"]["state"] != "migrating", "another process got its number"
        record.write_text(json.dumps(about))
        entry = checkout.components()["w"]
        assert entry["state"] == "migrating" and "its migration has run for" in entry["reason"]
        migration.kill()
        wait_until(lambda: checkout.components()["w"]["state"] != "migrating", 60)  # though nobody has waited for it
    assert checkout.components()["w"]["state"] != "migrating"


def test_an_infrastructure_component_is_judged_alike(tmp_path: Path) -> None:
    db = InfraComponent("db", Infra(port=20002), Instance(tmp_path, "x"))
    found = among(db, judge(db, RUNS, "it closes every connection", True), lambda name: pytest.fail(name))
    assert (found.kind, found.state, found.reason) == ("infra", "unhealthy", "it closes every connection")
