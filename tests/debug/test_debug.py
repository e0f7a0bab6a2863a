"""`./dev debug`: a service under its debugger serves, stops where it is told, and is left alone by everything else."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import tools
from converge.desired import Loaded
from converge.schema import load
from facts import processes
from tests.conftest import TOOL, Checkout, wait_until
from tests.debug import dap
from tests.debug.conftest import Platform
from tests.stranger import Program, needs_root

HERE = Path(__file__).parent
SERVE = """
import http.server, socket, sys
doors = [socket.create_server(("127.0.0.1", int(port))) for port in sys.argv[2:]]
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
ATTACK = """
def tried(port, text):
    found = b""
    try:
        with socket.socket() as door:
            door.settimeout(3)
            door.connect(("127.0.0.1", port))
            door.sendall(text.encode())
            while block := door.recv(4096):
                found += block
    except OSError:
        pass
    return found

for port in map(int, sys.argv[3:]):
    print(port, flush=True)
    print(tried(port, sys.argv[1]), tried(port, sys.argv[2]), flush=True)
"""
REQUESTS = ("initialize", {"adapterID": "x"}), ("attach", {}), ("evaluate", {"expression": "1", "context": "repl"})
MESSAGES = [
    json.dumps({"seq": at, "type": "request", "command": command, "arguments": arguments})
    for at, (command, arguments) in enumerate(REQUESTS, 1)
]
DAP = "".join(f"Content-Length: {len(text)}\r\n\r\n{text}" for text in MESSAGES)
HTTP = "GET /json/list HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "kind", "file", "function", "value"),
    [
        ("goer", "go", "goer/main.go", "main.hello", '"hello bo"'),
        ("pythoner", "debugpy", "pythoner/app.py", "app", "'hello bo'"),
    ],
)
def test_a_request_stops_at_a_breakpoint_and_is_answered(
    platform: Platform, name: str, kind: str, file: str, function: str, value: str
) -> None:
    port = platform.debug(name)
    entry = platform.of(name)
    assert entry["state"] == "ready" and entry["debugger"] == f"127.0.0.1:{port}"
    assert "under its debugger on" in platform.checkout.dev("status").out
    assert platform.ask(name)[0] == 200  # before anybody attached
    with dap.attach(port, kind) as session:
        path, line = platform.line(file, "greeting = " if kind == "debugpy" else "greeting := ")
        session.stop_at(path, line + 1)
        answer = platform.later(name)
        stop = session.stopped()
        assert (stop.file, stop.line, stop.function) == (path, line + 1, function)
        assert stop.variables["greeting"] == value and stop.reason.endswith("breakpoint")
        assert len(stop.stack) > 1
        session.go_on(stop)
        assert answer.wait() == (200, "hello bo")
        session.stop_at(path)
    assert platform.ask(name)[0] == 200  # and after everybody left


def test_nodes_inspector_stops_a_request(platform: Platform) -> None:
    port = platform.debug("noder")
    path, line = platform.line("noder/server.mjs", "response.end(greeting)")
    node = tools.executable(_loaded(platform), "node")
    client = subprocess.Popen(
        [str(node), str(HERE / "inspect.mjs"), str(port), "server.mjs", str(line)], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None and client.stdout.readline().strip() == "attached"
    answer = platform.later("noder")
    said = json.loads(client.stdout.readline())
    assert said["line"] == line and said["variables"]["greeting"] == "hello bo" and path
    assert answer.wait() == (200, "hello bo") and client.wait(60) == 0


@needs_root
@pytest.mark.skipif(not processes.LINUX, reason="the user at the other end is told by Linux alone")
@pytest.mark.parametrize(("name", "ports"), [("goer", 1), ("pythoner", 2), ("noder", 2)])
def test_another_user_gets_nothing_of_any_port_that_runs_code(platform: Platform, name: str, ports: int) -> None:
    public = platform.debug(name)
    own = int(platform.of(name)["address"].rpartition(":")[2])
    doors = listening(platform, name) - {own}
    assert public in doors and len(doors) == ports
    program = Program(ATTACK, DAP, HTTP, *sorted(doors))
    try:
        said = {int(port): program.hear() for port in (program.hear() for _ in range(ports))}
    finally:
        program.end()
    assert said.keys() == doors
    assert said[public] == "b'' b''", "he is let in"
    assert all("Url" not in each and "success" not in each and "output" not in each for each in said.values()), said
    assert platform.ask(name)[0] == 200


def listening(platform: Platform, name: str) -> set[int]:
    """Every TCP port on which the service, its debugger or another process of it listens."""
    sockets: set[str] = set()
    for pid in platform.checkout.processes():
        try:
            if f":{name}:".encode() in Path(f"/proc/{pid}/environ").read_bytes():
                sockets |= {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


def test_everything_else_leaves_it_alone_even_at_a_breakpoint(platform: Platform) -> None:
    port = platform.debug("pythoner")
    before = platform.of("pythoner")
    with dap.attach(port, "debugpy") as session:
        path, line = platform.line("pythoner/app.py", "greeting = ")
        session.stop_at(path, line)
        answer = platform.later("pythoner")
        stop = session.stopped()
        entry = platform.of("pythoner")
        assert entry["state"] == "starting" and "as at a breakpoint" in entry["reason"]
        for argv in (("start",), ("start", "pythoner"), ("restart", "plain"), ("doctor", "--only", "ports")):
            ran = platform.checkout.dev(*argv)
            assert ran.code == 0, (argv, ran.err)
        assert "left alone" in platform.checkout.dev("start", "pythoner").err
        session.stop_at(path)
        session.go_on(stop)
        assert answer.wait() == (200, "hello bo")
    after = platform.of("pythoner")
    assert (after["pid"], after["restarts"], after["state"]) == (before["pid"], 0, "ready")


def test_restart_and_off_go_back_to_hot_reload(platform: Platform) -> None:
    for back in (("restart", "goer"), ("debug", "goer", "--off")):
        platform.debug("goer")
        assert platform.ask("goer", "/tags")[1] == "authtest"  # compiled with the service's own flags
        ran = platform.checkout.dev(*back)
        assert ran.code == 0, ran.err
        assert platform.of("goer")["debugger"] is None and platform.of("goer")["state"] == "ready"
    assert "is not under a debugger" in platform.checkout.dev("debug", "goer", "--off").err


def test_an_edit_is_there_when_it_is_debugged_again(platform: Platform) -> None:
    source = platform.checkout.path / "goer/main.go"
    text = source.read_text()
    platform.debug("goer")
    try:
        source.write_text(text.replace('"hello "', '"good day "'))
        platform.debug("goer")
        assert platform.ask("goer")[1].strip() == "good day bo"
        source.write_text(text.replace("greeting := ", "greeting := no such thing "))
        ran = platform.checkout.dev("debug", "goer")
        assert ran.code == 3 and "compile-failed" in ran.err and "main.go" in ran.err
        assert platform.ask("goer")[1].strip() == "good day bo"  # what ran goes on
    finally:
        source.write_text(text)


def test_a_program_that_ends_under_its_debugger_is_said_to_have_ended(platform: Platform) -> None:
    local = platform.checkout.write("desired_state.local.toml", "[services.goer.env]\nREFUSE = 'yes'\n")
    try:
        ran = platform.checkout.dev("debug", "goer")
        assert ran.code == 3 and "it ended under its debugger" in ran.err and "it will not" in ran.err
        assert "its program has ended" in platform.of("goer")["reason"]
    finally:
        local.unlink()
    assert platform.checkout.dev("restart", "goer").code == 0


@pytest.mark.parametrize("name", ["goer", "pythoner", "noder"])
def test_stop_leaves_no_process(platform: Platform, name: str) -> None:
    port = platform.debug(name)
    others = {c["name"] for c in platform.checkout.components().values()} - {name}
    assert platform.checkout.dev("stop", name).code == 0
    run = f":{name}:".encode()
    left = [pid for pid in platform.checkout.processes() if run in Path(f"/proc/{pid}/environ").read_bytes()]
    assert left == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port))
    assert all(platform.of(other)["state"] in ("ready", "starting") for other in others)
    assert platform.checkout.dev("start", name).code == 0


def test_a_stranger_on_the_debuggers_port_is_named_and_the_service_goes_on(platform: Platform) -> None:
    port = platform.debug("noder")
    assert platform.checkout.dev("debug", "noder", "--off").code == 0
    before = platform.of("noder")
    with socket.create_server(("127.0.0.1", port)):
        ran = platform.checkout.dev("debug", "noder")
        assert ran.code == 3 and f"port {port} of noder's debugger is taken" in ran.err
        assert f"pid {os.getpid()}" in ran.err and "services.noder.debug_port" in ran.err
        item = platform.checkout.dev("doctor", "--only", "ports", "--json").json["items"]
        taken = [each for each in item if each["id"] == "ports.noder.debug"]
        assert taken and taken[0]["code"] == "port-taken" and str(os.getpid()) in taken[0]["because"]
    after = platform.of("noder")
    assert (after["pid"], after["state"]) == (before["pid"], "ready")


def test_the_command_line_refuses_what_it_cannot_do(platform: Platform) -> None:
    for argv, code, said in (
        (("debug",), 64, "which service?"),
        (("debug", "goer", "noder"), 64, "which service?"),
        (("debug", "nobody"), 64, "unknown-component"),
        (("debug", "plain"), 64, "no-debugger"),
    ):
        ran = platform.checkout.dev(*argv)
        assert ran.code == code and said in ran.err, (argv, ran.err)


def test_a_service_in_the_ide_is_refused_with_the_way_back(platform: Platform) -> None:
    assert platform.checkout.dev("handoff", "plain").code == 0
    platform.checkout.state(_text(platform).replace("dev = ", 'debug = "exec sleep 60 # {debug_port}"\ndev = '))
    try:
        ran = platform.checkout.dev("debug", "plain")
        assert ran.code == 64 and "./dev handoff plain --back" in ran.err
        assert platform.checkout.dev("handoff", "plain", "--back").code == 0
    finally:
        platform.checkout.state(_text(platform).replace('debug = "exec sleep 60 # {debug_port}"\n', ""))


def test_ctrl_c_ends_what_was_begun(platform: Platform) -> None:
    assert platform.checkout.dev("restart", "goer").code == 0
    local = platform.checkout.write("desired_state.local.toml", "[services.goer.env]\nDEAF = 'yes'\n")
    try:
        process = platform.checkout.popen("debug", "goer")
        wait_until(lambda: platform.of("goer")["debugger"])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 130
        assert (platform.of("goer")["pid"], platform.of("goer")["state"]) == (None, "stopped")
    finally:
        local.unlink()
    assert platform.checkout.dev("start", "goer").code == 0 and platform.of("goer")["debugger"] is None


def test_a_command_of_its_own_is_debugged_by_a_command_of_its_own(
    checkout: Checkout, free_port: Callable[[], int]
) -> None:
    port, number = free_port(), free_port()
    entry = f'[services.own]\nkind = "command"\nport = {port}\ndebug_port = {number}\n'
    checkout.state(
        entry + 'dev = "exec python3 serve.py {port}"\ndebug = "exec python3 serve.py {port} {debug_port}"\n'
    )
    checkout.write("serve.py", SERVE)
    ran = checkout.dev("debug", "own", "--json")
    assert ran.code == 0 and ran.json["address"] == f"127.0.0.1:{number}", ran.err
    assert checkout.components()["own"]["debugger"] == f"127.0.0.1:{number}"
    second = checkout.dev("--instance", "two", "debug", "own", "--json")
    assert second.code == 0 and second.json["address"] != ran.json["address"], second.err
    assert checkout.dev("--instance", "two", "stop").code == 0 and checkout.dev("stop").code == 0
    assert checkout.processes() == []


def test_a_debugger_that_nobody_pinned_is_named(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(f'[services.own]\nkind = "go"\nport = {free_port()}\n')
    ran = checkout.dev("debug", "own", env={"PATH": "/usr/bin:/bin"})
    assert ran.code == 3 and "[no-debugger]" in ran.err and "add delve" in ran.err, ran.err


def test_without_a_network_nothing_that_runs_is_touched(checkout: Checkout, free_port: Callable[[], int]) -> None:
    entry = f'[tools]\ndebugpy = "1.8.22"\n[services.own]\nkind = "command"\nport = {free_port()}\n'
    checkout.state(entry + 'dev = "exec python3 serve.py {port}"\ndebug = "exec python3 -m debugpy {debug_port}"\n')
    checkout.write("serve.py", SERVE)
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    checkout.env |= {"DEV_STORE": str(checkout.home / "store"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": os.devnull}
    assert checkout.dev("start").code == 0  # the debugger is not missed
    assert not list((checkout.home / "store").rglob("debugpy*"))
    before = checkout.components()["own"]
    ran = checkout.dev("debug", "own")
    assert ran.code == 3 and "debugpy 1.8.22 could not be downloaded" in ran.err and "hint:" in ran.err, ran.err
    after = checkout.components()["own"]
    assert (after["pid"], after["state"], after["debugger"]) == (before["pid"], "ready", None)


def test_what_it_says_is_enough_to_attach(platform: Platform) -> None:
    ran = platform.checkout.dev("debug", "goer")
    port = platform.of("goer")["debugger"].rpartition(":")[2]
    assert ran.code == 0 and f"under delve on 127.0.0.1:{port}" in ran.out
    assert "F5 on `dev: attach goer`" in ran.out and f"Go Remote, host 127.0.0.1, port {port}" in ran.out
    command = next(line.split(maxsplit=1)[1] for line in ran.out.splitlines() if "terminal" in line)
    talk = subprocess.run(
        command, shell=True, input="goroutines\nexit -c\n", capture_output=True, text=True, timeout=30
    )
    assert "main.main" in talk.stdout, talk
    wait_until(lambda: platform.of("goer")["state"] == "ready")


def _loaded(platform: Platform) -> Loaded:
    return load(platform.checkout.path)


def _text(platform: Platform) -> str:
    return (platform.checkout.path / "desired_state.toml").read_text().split('name = "story"\n', 1)[1]
