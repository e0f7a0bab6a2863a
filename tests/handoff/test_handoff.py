"""A service goes to an IDE and comes back: nobody's address changes and no request is lost."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from facts.ports import owner
from tests.conftest import elapse, wait_until
from tests.handoff.platform import Load, Platform, answers

TRIPS = 3


def addresses(it: Platform) -> list[str]:
    """What everyone has in the network, and where they stand."""
    assert it.rig
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Aliases}}{{end}} {{.NetworkSettings.Ports}}"
    keys = ("dev-gateway", "control-box")
    return [it.rig.docker("inspect", "-f", form, it.container(key)).stdout for key in keys]


def listeners(port: int) -> list[str]:
    """Addresses on which this machine listens at the port, in order."""
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    found = [row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
    return sorted(socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)) for address in found)


def test_no_request_is_lost_on_the_way_to_an_ide_and_back(boxed: Platform) -> None:
    before = addresses(boxed)
    with Load(boxed, TRIPS * 4 + 1) as load:
        for _ in range(TRIPS):
            boxed.dev("handoff", "echo")
            process = boxed.ide()
            wait_until(lambda: boxed.ask() == "ide")
            elapse(0.3)
            assert not boxed.runs("echo-box") and boxed.owner() == "ide"
            assert listeners(boxed.port) == ["127.0.0.1", "127.0.0.2"] and addresses(boxed) == before
            boxed.dev("handoff", "echo", "--back")
            assert process.wait(10) is not None and boxed.owner() == "docker"
            assert listeners(boxed.port) == ["127.0.0.1"] and addresses(boxed) == before
        found = load.result()
    nothing_failed(found, {"box", "ide"})


def nothing_failed(found: dict[str, dict[str, Any]], who: set[str]) -> None:
    """Every client was served all the time, by all of these."""
    for name, seen in found.items():
        assert seen["requests"] > 100 and seen["failed"] == 0, f"{name}: {seen}"
        assert set(seen["who"]) == (who if "echo" in name else {"box"}), name


def test_no_request_is_lost_on_the_way_out_of_a_container_and_back(boxed: Platform) -> None:
    with Load(boxed, TRIPS * 4 + 1) as load:
        for _ in range(TRIPS):
            boxed.dev("handoff", "echo", "--to", "native")
            assert boxed.ask() == boxed.ask_inside() == "native" and not boxed.runs("echo-box")
            assert listeners(boxed.port) == ["127.0.0.1", "127.0.0.3"]
            boxed.dev("handoff", "echo", "--to", "docker")
            assert boxed.ask() == boxed.ask_inside() == "box" and listeners(boxed.port) == ["127.0.0.1"]
        found = load.result()
    nothing_failed(found, {"box", "native"})


def test_no_request_is_lost_between_a_native_process_and_an_ide(boxed: Platform) -> None:
    boxed.dev("handoff", "echo", "--to", "native")
    with Load(boxed, TRIPS * 4 + 1) as load:
        for _ in range(TRIPS):
            boxed.dev("handoff", "echo")
            process = boxed.ide()
            wait_until(lambda: boxed.ask() == "ide")
            boxed.dev("handoff", "echo", "--back")
            assert process.wait(10) is not None and boxed.placement() == "native"
        found = load.result()
    nothing_failed(found, {"native", "ide"})


def test_a_restart_loses_no_request_where_a_gateway_runs(boxed: Platform) -> None:
    for to, who in (("docker", "box"), ("native", "native")):
        boxed.dev("handoff", "echo", "--to", to)
        with Load(boxed, 60) as load:
            for _ in range(2):
                boxed.dev("restart", "echo")
                assert boxed.ask() == boxed.ask_inside() == who
            found = load.result()
        nothing_failed(found, {who})


def test_a_native_process_that_does_not_come_up_takes_nothing_from_its_container(boxed: Platform) -> None:
    source = boxed.checkout.path / "server.py"
    text = source.read_text()
    source.write_text("raise SystemExit('broken')\n")
    try:
        assert "broken" in boxed.dev("handoff", "echo", "--to", "native", code=3).err
        assert boxed.ask() == boxed.ask_inside() == "box" and boxed.placement() == "docker" == boxed.owner()
    finally:
        source.write_text(text)


def test_a_request_waits_for_a_process_that_starts_late_stops_or_is_run_again(boxed: Platform) -> None:
    with Load(boxed, 13) as load:
        boxed.dev("handoff", "echo")
        shown = boxed.checkout.components()["echo"]
        assert (shown["state"], shown["placement"]) == ("waiting", "ide")
        assert "waits for your process" in shown["reason"]
        elapse(2)
        first = boxed.ide(marked=False)
        wait_until(lambda: boxed.ask() == "ide")
        first.kill()  # as a debugger does
        elapse(1)
        second = boxed.ide(marked=False)
        wait_until(lambda: boxed.ask() == "ide")
        second.send_signal(19)  # a breakpoint: everything stands still
        elapse(2)
        second.send_signal(18)
        found = load.result()
    for name in ("host control kept", "host control fresh", "inside control kept", "inside control fresh"):
        assert found[name]["failed"] == 0, found[name]
    # what is on its way to a process that is killed is lost with it: of each client the request that it answers and, as
    # the kernel may close connections before the listener that they came from, one more that was accepted in between
    for name in ("inside echo kept", "inside echo fresh", "host echo kept"):
        assert found[name]["failed"] - (name == "host echo kept") * found[name]["refused"] <= 2, found[name]


def test_a_process_that_needs_the_services_own_address_has_it(boxed: Platform) -> None:
    with Load(boxed, TRIPS * 4 + 1) as load:
        for _ in range(TRIPS):
            boxed.dev("handoff", "echo", "--same-address")
            process = boxed.ide(host="127.0.0.1")
            wait_until(lambda: boxed.ask() == "ide")
            assert boxed.checkout.components()["echo"]["state"] == "ready"
            assert listeners(boxed.port) == ["127.0.0.1"] and boxed.owner() == "ide"
            boxed.dev("handoff", "echo", "--back")
            assert process.wait(10) is not None and listeners(boxed.port) == ["127.0.0.1"]
        found = load.result()
    # new connections of this machine have nobody before it: they notice when it, or the edge, lets the port go
    seen = found.pop("host echo fresh")
    lost = ("ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected")
    assert all(why.startswith(lost) for _, why in seen["failures"]) and seen["failed"] < seen["requests"]
    nothing_failed(found, {"box", "ide"})


def test_a_process_that_nobody_marked_is_never_ended(boxed: Platform) -> None:
    boxed.dev("handoff", "echo")
    process = boxed.ide(marked=False)
    answers(boxed, "ide")
    boxed.dev("handoff", "echo", "--back")
    assert boxed.ask() == boxed.ask_inside() == "box" and process.poll() is None
    boxed.end()
    boxed.dev("handoff", "echo", "--same-address")
    process = boxed.ide(marked=False, host="127.0.0.1")
    answers(boxed, "ide")
    ran = boxed.dev("handoff", "echo", "--back")
    assert "waits for" in ran.out and process.poll() is None
    assert boxed.ask_inside() == "box", "containers need not wait for the port"
    process.terminate()
    process.wait()
    wait_until(lambda: boxed.ask() == "box")
    boxed.dev("start", "--docker")
    assert boxed.placement() == "docker" and "nothing is handed off" in boxed.dev("handoff", "--status").err


def test_every_placement_leads_to_every_other(boxed: Platform) -> None:
    for to, who in (("native", "native"), ("docker", "box"), ("ide", "ide"), ("native", "native"), ("ide", "ide"),
                    ("docker", "box")):  # fmt: skip
        boxed.dev("handoff", "echo", "--to", to)
        if to == "ide":
            boxed.ide()
        answers(boxed, who)
        assert boxed.placement() == to == boxed.owner()
        assert boxed.runs("echo-box") == (to == "docker")


def test_without_docker_it_is_handed_off_too_and_its_callers_wait(bare: Platform) -> None:
    bare.dev("handoff", "echo")
    assert bare.placement() == "ide" == bare.owner() and bare.edge()
    early = threading.Timer(1, bare.ide)
    early.start()
    assert bare.ask() == "ide", "nobody held the request"
    early.join()
    (process,) = bare.processes
    assert bare.checkout.components()["echo"]["state"] == "ready"
    bare.dev("start")
    assert bare.ask() == "ide", "a start took the service away"
    bare.dev("handoff", "echo", "--back")
    assert process.wait(60) is not None and bare.ask() == "native"
    assert bare.edge() == 0 and bare.owner() == ""


def test_in_default_mode_not_one_process_or_container_more(boxed: Platform) -> None:
    it = boxed.checkout
    boxed.dev("start")
    assert boxed.container("dev-gateway") == "" and boxed.edge() == 0 and boxed.owner() == ""
    processes = len(it.processes())
    boxed.dev("stop")
    bare = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    assert it.dev("start", env=bare).code == 0
    assert len(it.processes()) == processes and boxed.ask() == "native"


def test_a_lease_ends_by_itself(boxed: Platform) -> None:
    ran = boxed.dev("handoff", "echo", "--for", "3s")
    assert "returns automatically" in ran.out
    boxed.ide()
    answers(boxed, "ide")
    wait_until(lambda: boxed.placement() == "docker", 30)
    assert boxed.ask() == boxed.ask_inside() == "box"
    assert boxed.checkout.dev("handoff", "echo", "--for", "soon").code == 64


def test_a_lease_ends_by_itself_without_docker_too(bare: Platform) -> None:
    bare.dev("handoff", "echo", "--for", "2s")
    bare.ide()
    wait_until(lambda: bare.placement() == "native", 30)
    wait_until(lambda: bare.edge() == 0)
    assert bare.ask() == "native"


def test_nobody_waits_longer_than_half_a_minute_and_is_told_for_whom(boxed: Platform) -> None:
    boxed.dev("handoff", "echo")
    began = time.monotonic()
    said = boxed.ask_inside()
    assert said.startswith("503 echo is handed off to an IDE, and nothing listens on"), said
    assert time.monotonic() - began > 29
    boxed.dev("stop", "echo")
    assert boxed.ask_inside() == "503 echo is stopped: ./dev start echo"


def test_a_stop_ends_every_handoff(boxed: Platform) -> None:
    boxed.dev("handoff", "echo", "control")
    assert boxed.dev("handoff", "--status", "--json").json["handed_off"][0]["home"] == "docker"
    boxed.dev("stop")
    assert boxed.container("dev-gateway") == "" and boxed.edge() == 0
    assert boxed.dev("handoff", "--status", "--json").json["handed_off"] == []
    boxed.dev("start", "--docker")
    answers(boxed, "box")


def test_a_start_leaves_what_is_handed_off_alone(boxed: Platform) -> None:
    boxed.dev("handoff", "echo")
    boxed.ide()
    answers(boxed, "ide")
    for argv in (["start", "--docker"], ["restart"], ["start"]):
        boxed.dev(*argv)
        assert boxed.placement() == "ide" and boxed.ask() == "ide"
    boxed.dev("handoff", "echo", "--back")
    assert boxed.placement() == "docker" and boxed.ask() == "box"


def test_a_stranger_on_the_port_is_named_and_nothing_changes(boxed: Platform) -> None:
    boxed.dev("stop", "echo")
    process = boxed.ide(marked=False, host="127.0.0.1")
    wait_until(lambda: boxed.ask() == "ide")
    refused = boxed.dev("handoff", "echo", code=3)
    assert "error[port-taken]" in refused.err and str(process.pid) in refused.err
    refused = boxed.dev("start", "--docker", code=3)
    assert "error[port-taken]" in refused.err and process.poll() is None
    boxed.end()
    boxed.dev("start", "--docker")
    answers(boxed, "box")


def test_a_killed_gateway_is_back_soon_and_keeps_the_owners(boxed: Platform) -> None:
    assert boxed.rig
    boxed.dev("handoff", "echo")
    boxed.ide()
    answers(boxed, "ide")
    pid = int(boxed.rig.docker("inspect", "-f", "{{.State.Pid}}", boxed.container("dev-gateway")).stdout)
    boxed.kill(pid)
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert boxed.ask(boxed.control) == "box", "the edge holds what the gateway cannot take"
    answers(boxed, "ide")
    assert boxed.owner() == "ide"


def test_a_killed_edge_is_back_soon_and_keeps_the_owners(boxed: Platform) -> None:
    boxed.dev("handoff", "echo")
    boxed.ide()
    answers(boxed, "ide")
    first = boxed.edge()
    boxed.kill(first)
    wait_until(lambda: boxed.ask(boxed.control) == "box" and boxed.ask_inside() == "ide")
    assert boxed.edge() != first
    assert owner(boxed.port) and boxed.owner() == "ide"


def test_in_a_network_of_the_teams_own_it_works_too(boxed: Platform) -> None:
    text = "services: {}\nnetworks:\n  default:\n    ipam:\n      config: [{ subnet: 10.213.77.0/24 }]\n"
    boxed.dev("stop")
    network = boxed.checkout.path / ".dev/instances/default/compose/network.json"
    network.unlink(missing_ok=True)
    boxed.checkout.write("compose/infra.yaml", text)
    boxed.dev("start", "--docker")
    assert not network.exists() and boxed.ask() == "box"
    boxed.dev("handoff", "echo")
    boxed.ide()
    answers(boxed, "ide")
    boxed.dev("handoff", "echo", "--back")
    assert boxed.ask() == "box" == boxed.ask_inside()


def test_a_container_reaches_a_service_that_runs_natively(boxed: Platform) -> None:
    boxed.dev("handoff", "echo", "--to", "native")
    assert boxed.ask_inside() == "native"
    boxed.dev("restart", "control")
    assert boxed.ask_inside() == "native" and boxed.ask(boxed.control) == "box"


def test_bigger_things_than_a_buffer_pass_both_ways(boxed: Platform) -> None:
    import http.client

    def echoed(body: bytes) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", boxed.port, timeout=20)
        connection.request("POST", "/", body)
        text = connection.getresponse().read()
        connection.close()
        return text.partition(b" ")[2]

    big = os.urandom(3_000_000).hex().encode()
    assert echoed(big) == big
    boxed.dev("handoff", "echo")
    boxed.ide()
    answers(boxed, "ide")
    assert echoed(big) == big
    assert json.dumps(boxed.dev("handoff", "--status", "--json").json)


def test_the_gateways_image_travels_with_the_others(boxed: Platform) -> None:
    rows = boxed.dev("images", "list", "--json").json["images"]
    assert {row["component"]: row["there"] for row in rows} == {"echo": True, "control": True, "dev-gateway": True}
