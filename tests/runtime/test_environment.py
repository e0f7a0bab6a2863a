"""What a component gets: of [env] what is meant for it, and a private place of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import schema
from converge.instance import Instance
from runtime.environment import of_component, toolbox
from runtime.platform import Platform
from tests.conftest import Checkout

STATE = r"""
[env]
SHARED = "all"
OWN = { value = "one", only = ["a"] }
[services.a]
kind = "command"
dev = "stat -c 'mode %a' \"$KEPT\" \"$KEPT/..\"; exec python3 -m http.server $PORT --bind 127.0.0.1"
port = PORT
env = { KEPT = "{state}" }
[services.b]
kind = "command"
dev = "true"
once = true
"""


def test_a_variable_only_for_some_reaches_nobody_else(tmp_path: Path) -> None:
    loaded = schema.parse(b'schema = 1\n[project]\nname = "x"\n' + STATE.replace("PORT\n", "20001\n").encode())
    platform = Platform(loaded, Instance(tmp_path, "x"))
    own, other = (of_component(platform, each) for each in platform.components.values())
    assert own["OWN"] == "one" and own["SHARED"] == other["SHARED"] == "all"
    assert "OWN" not in other and "OWN" not in toolbox(platform)


@pytest.mark.parametrize("placement", ["native", "docker"])
@pytest.mark.parametrize(
    ("shared", "own", "machine", "wins"),
    [
        ("all", "mine", None, "mine"),
        ("all", "mine", "machine's", "mine"),
        ("all", "", None, ""),
        ("all", None, "machine's", "all"),
    ],
)
def test_a_components_own_entry_wins_over_env_and_env_over_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, placement: str, shared: str, own: str | None,
    machine: str | None, wins: str,
) -> None:  # fmt: skip
    if machine:
        monkeypatch.setenv("LC_TEST", machine)
    env = "{}" if own is None else f"{{ LC_TEST = '{own}', PORT = '7' }}"
    text = f"schema = 1\n[project]\nname = 'x'\n[env]\nLC_TEST = '{shared}'\nPORT = '6'\n"
    text += f"[services.a]\nkind = 'command'\ndev = 'true'\nport = 20001\nenv = {env}\n"
    text += f"[infra.b]\nrun = 'true'\nport = 20002\nenv = {env}\n"
    loaded = schema.parse(text.encode())
    target = Platform(loaded, Instance(tmp_path, "x"))
    for component in target.components.values():
        found = of_component(target, component, placement)
        assert found["LC_TEST"] == wins, component.name
        assert found["PORT"] == (str(component.port) if own is None else "7"), component.name


@pytest.mark.parametrize(
    ("issuer", "shared", "has"),
    [
        ("{}", "{ generate = 'token', secret = true, only = ['a'] }", True),
        ("{}", "{ generate = 'token', secret = true, only = ['b'] }", False),
        ("{}", "{ value = 'a value of the repository, in clear' }", True),
        ("{}", "{ value = 'http://{b.address}/depends/on/the/placement' }", False),
        ("{ AUTH_ISSUER_SECRET = 'a value of its own, of 32 letters' }", "{ secret = true }", True),
        ("{ AUTH_ISSUER_SECRET = '{state}/depends/on/the/placement' }", "{ secret = true }", False),
    ],
)
def test_the_keys_of_the_issuer_are_the_same_in_each_placement_or_absent(
    issuer: str, shared: str, has: bool, tmp_path: Path
) -> None:
    text = f"""schema = 1
project = {{ name = "x" }}
auth = {{ issuer = "a" }}
env = {{ AUTH_ISSUER_SECRET = {shared} }}
[services]
a = {{ kind = "command", dev = "true", port = 20001, env = {issuer} }}
b = {{ kind = "command", dev = "true", port = 20002, env = {{ KEYS = "{{a.keys}}" }} }}
"""
    (tmp_path / ".dev").mkdir(0o700)
    (tmp_path / ".dev/values").write_text("AUTH_ISSUER_SECRET=a secret of the tests, 32 letters\n")
    platform = Platform(schema.parse(text.encode()), Instance(tmp_path, ""))
    one = platform.component("b")
    native, docker = (of_component(platform, one, placement)["KEYS"] for placement in ("native", "docker"))
    assert native == docker and bool(native) == has


def test_the_private_place_is_named_for_where_it_runs(tmp_path: Path) -> None:
    loaded = schema.parse(b'schema = 1\n[project]\nname = "x"\n' + STATE.replace("PORT\n", "20001\n").encode())
    instance = Instance(tmp_path, "x")
    platform = Platform(loaded, instance)
    one = platform.component("a")
    assert of_component(platform, one)["KEPT"] == str(instance.state / "private/a")
    assert of_component(platform, one, "docker")["KEPT"] == "/state"
    assert not instance.state.exists()  # looking makes nothing


def test_a_private_place_is_there_for_its_owner_alone(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(STATE.replace("PORT\n", f"{free_port()}\n"))
    before = os.umask(0)
    try:
        started = checkout.dev("start")
    finally:
        os.umask(before)
    assert started.code == 0, started.err
    log = checkout.dev("logs", "a").out
    assert log.count("mode 700") == 2
