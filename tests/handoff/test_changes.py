"""What else happens while a service is handed off: edits of the desired state, failures, an edge that is gone."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import runtime.platform
from converge import schema
from converge.instance import Instance
from runtime.routes import owner_map
from tests.conftest import elapse, wait_until
from tests.handoff.platform import SERVICE, Platform, answers


def slow_post(port: int, size: int, got: list[int]) -> None:
    """A request whose body comes in small pieces; how much of it was echoed."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"POST /work HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n".encode())
        for _ in range(size // 50):
            connection.sendall(b"x" * 50)
            elapse(0.01)
        with connection.makefile("rb") as answer:
            head = answer.readline()
            while line := answer.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split()[1])
            got.append(len(answer.read(length).partition(b" ")[2]) if b"200" in head else 0)


def test_no_byte_is_lost_of_what_comes_while_a_request_is_held(bare: Platform) -> None:
    bare.dev("handoff", "echo")
    got: list[int] = []
    clients = [threading.Thread(target=slow_post, args=(bare.port, 5000, got)) for _ in range(80)]
    for client in clients:
        client.start()
    elapse(0.4)
    bare.ide()
    for client in clients:
        client.join(60)
    assert got == [5000] * 80


def test_more_connections_are_held_than_a_process_may_usually_open(bare: Platform) -> None:
    bare.dev("handoff", "echo")
    limits = Path(f"/proc/{bare.edge()}/limits").read_text().splitlines()
    soft, hard = next(line for line in limits if line.startswith("Max open files")).split()[3:5]
    assert soft == hard


def test_a_service_that_is_gone_from_the_desired_state_takes_nobody_along(bare: Platform) -> None:
    state = bare.checkout.path / "desired_state.toml"
    text = state.read_text()
    bare.dev("handoff", "echo", "control")
    held = socket.create_connection(("127.0.0.1", bare.port))
    held.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    edge = bare.edge()
    state.write_text(text[: text.index("[services.echo]")] + text[text.index("[services.control]") :])
    try:
        bare.dev("handoff", "control")
        held.settimeout(5)
        assert held.recv(100) == b"" and bare.edge() == edge
    finally:
        state.write_text(text)
        held.close()
    bare.dev("handoff", "control", "--back")


def test_another_port_is_taken_while_it_is_handed_off(bare: Platform, free_port: Callable[[], int]) -> None:
    state, other = bare.checkout.path / "desired_state.toml", free_port()
    bare.dev("handoff", "echo")
    old, bare.port = bare.port, other
    state.write_text(state.read_text().replace(f"port = {old}", f"port = {other}"))
    bare.dev("handoff", "echo")
    bare.ide()
    assert bare.ask() == "ide" and bare.ask(old) == "ConnectionRefusedError"
    bare.dev("handoff", "echo", "--back")
    assert bare.ask() == "native"


def test_an_edge_that_is_gone_for_good_comes_back_with_the_next_start(bare: Platform) -> None:
    bare.dev("handoff", "echo")
    bare.ide()
    assert bare.ask() == "ide"
    state = json.loads((bare.checkout.path / ".dev/instances/default/run/dev-edge/state.json").read_text())
    os.kill(state["shim"], 9)
    wait_until(lambda: bare.ask() == "ConnectionRefusedError")
    bare.dev("start")
    assert bare.ask() == "ide" and bare.placement() == "ide"


def test_a_lease_that_cannot_end_keeps_nobody_from_his_work(bare: Platform) -> None:
    source, state = bare.checkout.path / "server.py", bare.checkout.path / "desired_state.toml"
    broken = bare.checkout.write("broken.py", "raise SystemExit('broken')\n")
    text = state.read_text()
    state.write_text(text.replace("server.py", broken.name, 1))
    bare.dev("handoff", "echo", "--for", "1s")
    elapse(1.2)
    ran = bare.dev("restart", "control")
    assert "its lease is over" in ran.err and "failed to complete" in ran.err and bare.ask(bare.control) == "native"
    assert bare.placement() == "ide" and source.exists()
    state.write_text(text)
    wait_until(lambda: bare.checkout.dev("start").code == 0 and bare.placement() == "native", 30)
    assert bare.ask() == "native"


def test_callers_do_not_wait_for_a_restart_that_failed(bare: Platform) -> None:
    bare.dev("handoff", "echo")
    bare.ide()
    assert bare.ask() == "ide"
    found = runtime.platform.Platform(schema.load(bare.checkout.path), Instance(bare.checkout.path.resolve(), "story"))
    bare.dev("stop", "control")
    for name, owner in (("echo", "ide"), ("control", "none")):
        owner_map.own(found, name, "hold")
        assert bare.owner(name) == "hold"
        owner_map.release(found)
        assert bare.owner(name) == owner
    assert bare.ask() == "ide" and bare.ask(bare.control) == "ConnectionRefusedError"


def test_a_stop_forgets_a_handoff_that_was_cut_off(bare: Platform) -> None:
    bare.dev("handoff", "echo")
    record = bare.checkout.path / ".dev/instances/default/handoff/echo.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"state": "FLIPPING_OUT"}))
    bare.dev("stop")
    bare.dev("start")
    assert bare.placement() == "native" and bare.ask() == "native" and bare.edge() == 0


def test_options_and_names_that_make_no_sense_move_nothing(bare: Platform) -> None:
    for words in (
        ["echo", "nope"], ["echo", "--back", "--to", "native"], ["echo", "--status", "--back"], ["--status", "nope"],
        ["echo", "--to", "native", "--for", "2h"], ["echo", "--for", "99999999999d"], ["echo", "--to", "moon"],
    ):  # fmt: skip
        ran = bare.dev("handoff", *words, code=64)
        assert ran.err.startswith("error[") and ran.out == "", words
    assert bare.placement() == "native" and bare.edge() == 0
    assert "not handed off" in bare.dev("handoff", "echo", "--back").err


def test_a_box_that_takes_its_port_or_name_for_itself_is_refused(boxed: Platform) -> None:
    file = boxed.checkout.path / "compose/services.yaml"
    text = file.read_text()
    for more in ('ports: ["127.0.0.1:${ECHO_PORT}:1"]', "networks: { default: { aliases: [echo] } }"):
        file.write_text(text.replace("  echo-box:\n", f"  echo-box:\n    {more}\n"))
        refused = boxed.dev("start", "--docker", code=65)
        assert "error[compose-route]" in refused.err and "compose/routes.yaml" in refused.err
    file.write_text(text)
    boxed.dev("start", "--docker")
    assert boxed.ask() == boxed.ask_inside() == "box"


def test_a_service_declared_since_the_gateway_was_made_is_handed_off(
    boxed: Platform, free_port: Callable[[], int]
) -> None:
    state = boxed.checkout.path / "desired_state.toml"
    python, port = state.read_text().partition('dev = "exec ')[2].partition(" ")[0], free_port()
    state.write_text(state.read_text() + SERVICE.format(name="later", port=port, python=python))
    boxed.dev("handoff", "echo")
    boxed.ide()
    answers(boxed, "ide")
    boxed.dev("start", "later")
    assert boxed.ask(port) == "native"
    boxed.dev("handoff", "later")
    boxed.dev("handoff", "later", "echo", "--back")
    assert boxed.ask(port) == "native" and boxed.ask() == boxed.ask_inside() == "box"
