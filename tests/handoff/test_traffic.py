"""Under real traffic of other languages and protocols, no request is lost and every stream has its five seconds."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from tests.conftest import elapse, wait_until
from tests.handoff.crowd import CALLS, GO, LATE, PROGRAMS, PYTHON, Clients, Crowd, Language, table

TRIPS = 7
"""Round trips of a language; the three of them make 21."""
DRAIN = 5.0


def trip(it: Crowd, name: str = "echo") -> None:
    """To an IDE and back."""
    it.lend(name)
    process = it.run(name)
    elapse(0.5)
    it.back(name)
    assert process.wait(60) is not None


def owned(it: Crowd, name: str, who: str) -> None:
    """Wait until name and port are given to `box` or `ide`."""
    wait_until(lambda: it.owner(name).startswith("docker") == (who == "box"))


def lossless(found: Mapping[str, Mapping[str, Any]], who: set[str], unswitched: str = "control") -> None:
    """Not one request of any client failed, and everyone who was to answer did."""
    print(table(found))
    assert len({name.split()[0] for name in found}) == 2, "on the host and in a container"
    for name, seen in found.items():
        assert seen["failed"] == 0, f"{name}: {seen}"
        assert seen["requests"] > 50 and set(seen["who"]) == ({"box"} if unswitched in name else who), f"{name}: {seen}"


@pytest.mark.parametrize("language", ["go", "httpx", "node"])
def test_no_client_of_another_language_loses_a_request_in_seven_round_trips(
    many: Crowd, languages: dict[str, Language], language: str
) -> None:
    with Clients(many, languages[language], ("echo", "control"), 90) as load:
        for _ in range(TRIPS):
            trip(many)
        lossless(load.result(), {"box", "ide"})


def test_nothing_is_lost_between_a_container_and_a_native_process(many: Crowd, languages: dict[str, Language]) -> None:
    with Clients(many, languages["go"], ("echo", "control"), 60) as load:
        for _ in range(3):
            many.dev("handoff", "echo", "--to", "native")
            assert many.placement() == "native"
            many.dev("handoff", "echo", "--to", "docker")
            assert many.placement() == "docker"
        lossless(load.result(), {"box", "native"})


def test_nothing_is_lost_between_a_native_process_and_an_ide_where_the_gateway_runs(
    many: Crowd, languages: dict[str, Language]
) -> None:
    many.dev("handoff", "echo", "--to", "native")
    with Clients(many, languages["go"], ("echo", "control"), 60) as load:
        for _ in range(3):
            trip(many)
            assert many.placement() == "native"
        found = load.result()
    many.dev("handoff", "echo", "--to", "docker")
    lossless(found, {"native", "ide"})


def test_three_services_go_at_once_and_come_back_in_another_order(many: Crowd, languages: dict[str, Language]) -> None:
    with Clients(many, languages["go"], ("echo", "second", "third", "control"), 60) as load:
        many.lend("echo", "second")
        many.lend("third")
        ran = [many.run(name) for name in ("third", "echo", "second")]
        wait_until(lambda: {many.who(name) for name in ("echo", "second", "third")} == {"ide"})
        many.back("third")
        assert [many.who(name, inside=True) for name in ("echo", "second", "third")] == ["ide", "ide", "box"]
        many.back("second", "echo")
        assert all(process.wait(60) is not None for process in ran)
        found = load.result()
    assert many.dev("handoff", "--status", "--json").json["handed_off"] == []
    lossless(found, {"box", "ide"})


def test_http2_and_grpc_lose_nothing_while_many_requests_share_a_connection(
    many: Crowd, languages: dict[str, Language]
) -> None:
    with Clients(many, languages["h2c"], CALLS, 60) as load:
        for _ in range(4):
            trip(many, "calls")
        found = load.result()
    assert {name.split()[-1] for name in found} == {"many", "fresh", "rpc"}
    lossless(found, {"box", "ide"}, unswitched="steady")


def test_http2_brings_trailers_and_every_chunk_of_a_stream_as_it_comes(many: Crowd) -> None:
    def looked(inside: bool) -> dict[str, Any]:
        words = [str(many.program), "look", many.address("calls", inside)]
        assert many.rig
        words = many.in_container(GO, words, [many.program]) if inside else words
        ran = subprocess.run(words, env=many.rig.environment(), capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    for who in ("box", "ide"):
        if who == "ide":
            many.lend("calls")
            many.run("calls")
        for inside in (False, True):
            found = looked(inside)
            assert found["protocol"] == "HTTP/2.0" and found["call"] == who and found["refusal"] == "NotFound", found
            assert found["lines"] == [f"{who} {at}" for at in range(5)]
            for times in (found["arrived"], found["watched"]):
                assert len(times) == 5 and times[-1] - times[0] > 300, f"they came in one piece: {times}"
    many.back("calls")


def test_a_caller_of_http2_who_waits_in_vain_is_told_for_whom(many: Crowd) -> None:
    many.lend("calls")
    began, here = time.monotonic(), [str(many.program), "who", many.address("calls", inside=False)]
    inside = many.in_container(GO, [*here[:2], many.address("calls", inside=True)], [many.program])
    assert many.rig
    env = many.rig.environment()
    asked = [subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) for words in (here, inside)]
    told = [process.communicate(timeout=60)[0].strip() for process in asked]
    address = f"127.0.0.2:{many.ports['calls']}"
    assert all(f"503 calls is handed off to an IDE, and nothing listens on {address}" in each for each in told), told
    assert time.monotonic() - began > 29
    many.back("calls")


def test_websocket_and_events_go_on_for_five_seconds_and_new_ones_go_to_the_new_owner(many: Crowd) -> None:
    def listen(seconds: float) -> dict[str, subprocess.Popen[str]]:
        def words(inside: bool) -> list[str]:
            return ["python3", str(PROGRAMS / "streams.py"), many.address("echo", inside), str(seconds)]

        assert many.rig
        env = many.rig.environment()
        both = {"host": words(False), "inside": many.in_container(PYTHON, words(True), [PROGRAMS])}
        return {name: subprocess.Popen(w, env=env, stdout=subprocess.PIPE, text=True) for name, w in both.items()}

    def told(listening: dict[str, subprocess.Popen[str]]) -> dict[str, dict[str, Any]]:
        found = {
            where: json.loads(process.communicate(timeout=60)[0].splitlines()[-1])
            for where, process in listening.items()
        }
        return {f"{where} {name}": seen for where, both in found.items() for name, seen in both.items()}

    for old, new, words in (("box", "ide", ["echo"]), ("ide", "box", ["echo", "--back"])):
        open_ones = listen(30)
        for process in open_ones.values():
            assert process.stdout and process.stdout.readline() == "both answer\n"
        moving = many.checkout.popen("handoff", *words)
        owned(many, "echo", new)
        flipped = time.time()
        if new == "ide":
            many.run()
        assert many.who() == many.who(inside=True) == new
        new_ones = told(listen(2))
        moving.communicate(timeout=60)
        ended = time.time()
        assert moving.returncode == 0
        for name, seen in told(open_ones).items():
            print(name, seen, "flipped", flipped)
            assert set(seen["who"]) == {old}, f"{name}: {seen}"
            assert flipped + DRAIN - 0.7 < seen["last"] < ended and seen["silence"] < 2, f"{name}: {seen}"
            assert seen["end"], f"{name} did not end: {seen}"
        for name, seen in new_ones.items():
            assert set(seen["who"]) == {new} and seen["heard"] > 8 and not seen["end"], f"{name}: {seen}"


def test_a_connection_of_no_http_stays_where_it_began_and_a_new_one_goes_to_the_new_owner(many: Crowd) -> None:
    def connected() -> socket.socket:
        made = socket.create_connection(("127.0.0.1", many.ports["raw"]), timeout=20)
        assert said(made, "echo early").endswith(" early")
        return made

    def said(connection: socket.socket, line: str) -> str:
        connection.sendall(line.encode() + b"\n")
        return connection.recv(1000).decode().strip()

    def reaches(who: str) -> socket.socket | None:
        made = connected()  # the edge learns of the owner map a moment after it is written
        return made if said(made, "who") == who else made.close()

    took = []
    for old, new, words in (("box", "ide", ["raw"]), ("ide", "box", ["raw", "--back"])):
        first = connected()
        assert said(first, "who") == old
        began = time.monotonic()
        moving = many.checkout.popen("handoff", *words)
        owned(many, "raw", new)
        flipped = time.monotonic()
        if new == "ide":
            many.run("raw")
        else:
            assert time.monotonic() - began > LATE, "a container that does not listen yet was taken for ready"
        second = wait_until(partial(reaches, new))
        assert said(first, "who") == old
        while time.monotonic() - flipped < 1:
            assert said(first, "echo on") == f"{old} on"
            elapse(0.1)
        assert moving.poll() is None, "it did not wait for a connection that is open"
        first.close()
        moving.communicate(timeout=60)
        took.append(time.monotonic() - flipped)
        assert moving.returncode == 0 and said(second, "who") == new
        second.close()
    assert min(took) < DRAIN, "it waited for nobody"
