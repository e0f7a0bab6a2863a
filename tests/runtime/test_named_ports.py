"""`ports`: a service with several ports has each checked, shifted in other instances, and told to who asks."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError
from converge.instance import Instance
from runtime.editors import recipes
from runtime.environment import fill, of_component
from runtime.placements import choice, named_ports
from runtime.placements.choice import Asked
from runtime.platform import Platform
from tests.conftest import HEAD, Checkout, is_free

STATE = """
[services.api]
kind = "command"
dev = "serve {port} {grpc_port} {http2_port} {other_port} {print}"
port = 20001
ports = { grpc = 20002, http2 = 20003 }
env = { ENTRY = "{host}:{grpc_port}" }
[services.worker]
kind = "command"
dev = "true"
ports = { metrics = 20004 }
[services.caller]
kind = "command"
dev = "true"
env = { ADDRESS = "{api.grpc_address}", HTTP2 = "{api.http2_url}/x", PORT_OF = "{worker.metrics_port}" }
"""


def platform_of(directory: Path, text: str = STATE, name: str = "") -> Platform:
    return Platform(schema.parse((HEAD + text).encode()), Instance(directory, "story", name, 20100))


@pytest.mark.parametrize("name", ["", "two"])
def test_each_process_is_told_its_own_and_what_it_asks_for(tmp_path: Path, name: str) -> None:
    platform = platform_of(tmp_path, name=name)
    grpc, http2, metrics = (platform.instance.port(each) for each in (20002, 20003, 20004))
    assert (grpc == 20002) is (name == "")
    api, worker, caller = (of_component(platform, each) for each in platform.components.values())
    assert {"GRPC_PORT": f"{grpc}", "HTTP2_PORT": f"{http2}", "ENTRY": f"127.0.0.1:{grpc}"}.items() <= api.items()
    assert worker["METRICS_PORT"] == f"{metrics}" and worker["HOST"] == "127.0.0.1" and "GRPC_PORT" not in worker
    assert caller["ADDRESS"] == f"127.0.0.1:{grpc}" and caller["HTTP2"] == f"http://127.0.0.1:{http2}/x"
    assert caller["PORT_OF"] == f"{metrics}"
    service = platform.services["api"]
    said = fill(service.wants.dev or "", platform, service)
    assert said.endswith(f" {grpc} {http2} {{other_port}} {{print}}")
    assert recipes.script(service) == "serve $PORT $GRPC_PORT $HTTP2_PORT {other_port} {print}"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("ports = { grpc = 80 }", "port-range", 6),
        ("ports = { grpc = 70000 }", "port-range", 6),
        ("port = 20001\nports = { grpc = 20001 }", "port-duplicate", 7),
        ("ports = { a = 20001, b = 20001 }", "port-duplicate", 6),
        ("ports = { grpc = 20001 }\n[infra.x]\nport = 20001\nrun = 'x'", "port-duplicate", 6),
        ("port = 20001\ndebug_port = 20002\nports = { grpc = 20002 }", "port-duplicate", 7),
        ("ports = { GRPC = 20001 }", "bad-name", 6),
        ("ports = { '2' = 20001 }", "bad-name", 6),
        ("ports = { debug = 20001 }", "bad-name", 6),
        ("ports = { host = 20001 }", "bad-name", 6),
        ("ports = { grpc = '20001' }", "value-wrong", 6),
        ("ports = { grpc = 20001 }\nplacement = 'docker'", "value-wrong", 7),
        ("ports = { grpc = 20001 }\nenv = { A = '{a.rpc_port}' }", "bad-template", 7),
        ("ports = { grpc = 20001 }\nenv = { A = '{rpc_port}' }", "bad-template", 7),
        ("ports = { grpc = 20001 }\nenv = { A = '{a.url}' }", "bad-template", 7),
    ],
)
def test_a_wrong_one_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse(f"{HEAD}[services.a]\nkind = 'go'\n{text}\n".encode())
    assert (caught.value.code, caught.value.source) == (code, f"desired_state.toml:{line}"), caught.value


def test_the_debuggers_stay_away_from_them() -> None:
    text = "[services.a]\nkind = 'go'\nport = 20001\nports = { grpc = 20011, next = 20012 }\n"
    assert schema.parse((HEAD + text).encode()).desired.services["a"].debug_port == 20014 - 1


def test_words_that_meant_nothing_before_still_mean_nothing() -> None:
    text = "[services.a]\nkind = 'go'\nenv = { A = '{x1} {1} {a.b2} {A}' }\n"
    assert schema.parse((HEAD + text).encode()).desired.services["a"].env["A"] == "{x1} {1} {a.b2} {A}"


def test_asked_for_a_container_it_runs_natively_and_says_why(tmp_path: Path) -> None:
    platform, said = platform_of(tmp_path), dict[str, str]()
    wanted = {"api": platform.components["api"]}
    made = choice.choose(platform, wanted, Asked("docker"), said.__setitem__)
    assert made.placements == {"api": "native"} and "grpc 20002, http2 20003" in said["api"]
    assert choice.choose(platform, wanted, Asked(), said.__setitem__).placements == {"api": "native"}


def test_a_container_is_not_told_one(tmp_path: Path) -> None:
    platform = platform_of(tmp_path)
    with pytest.raises(DevError) as caught:
        named_ports.check(platform, platform.components["caller"])
    assert caught.value.code == "not-reachable" and caught.value.source.startswith("desired_state.toml:")
    named_ports.check(platform, platform.components["api"])  # its own are no other's


SERVER = "python3 -m http.server --bind $HOST {grpc_port} & exec python3 -m http.server --bind {host} {port}"


def test_a_start_has_both_and_refuses_one_that_is_taken(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port, grpc = free_port(), free_port()
    checkout.state(
        f"[services.api]\nkind = 'command'\nport = {port}\nports = {{ grpc = {grpc} }}\n"
        f'ready = {{ exec = \'python3 -c "import socket; socket.create_connection((\\"127.0.0.1\\", {grpc}))"\' }}\n'
        f"dev = '{SERVER}'\n"
    )
    with socket.create_server(("127.0.0.1", grpc)):
        ran = checkout.dev("start")
        assert ran.code != 0 and f"port {grpc} of api is taken" in ran.err and "services.api.ports.grpc" in ran.err, ran
        (item,) = (each for each in checkout.dev("doctor", "--json").json["items"] if each["id"] == "ports.api.grpc")
        assert item["status"] == "manual"
    assert checkout.dev("start").code == 0
    for each in (port, grpc):
        socket.create_connection(("127.0.0.1", each)).close()
    (item,) = (each for each in checkout.dev("doctor", "--json").json["items"] if each["id"] == "ports.api.grpc")
    assert item["status"] == "ok" and f"{grpc} ours" in item["found"], item
    assert checkout.components()["api"]["ports"] == {"grpc": grpc}
    assert f"grpc 127.0.0.1:{grpc}\n" in checkout.dev("status").out
    assert checkout.dev("stop").code == 0
    assert is_free(port) and is_free(grpc)
