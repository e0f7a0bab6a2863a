"""Words in braces are filled in, stay as they are, or are refused where they stand; never lost and never at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError
from converge.instance import Instance
from runtime.component import Component
from runtime.environment import fill, of_component, toolbox
from runtime.platform import Platform

HEAD = 'schema = 1\n[project]\nname = "x"\n'
STATE = r"""
[env]
KV = "{kv.address}"
PLAIN = '{"a": {"b": 1}} {time} ${dir} {{kv.url}}'
[infra.kv]
port = 20001
run = "kv --port {port} --dir {data}"
[services.a]
kind = "command"
port = 20002
dev = '''COMMAND'''
env = { VALUE = 'TEXT' }
[services.worker]
kind = "command"
dev = "true"
"""


def parsed(text: str) -> tuple[Component, dict[str, str], str]:
    """The service a, its environment and its command filled in, for a state with that text in both."""
    platform = Platform(schema.parse((HEAD + text).encode()), Instance(Path("/nowhere"), "x"))
    one = platform.services["a"]
    assert "KV" in toolbox(platform)
    return one, of_component(platform, one), fill(one.wants.dev or "", platform, one, host="127.0.0.3")


@pytest.mark.parametrize(
    ("command", "filled"),
    [
        ("serve {host}:{port} --kv {kv.url}", "serve 127.0.0.3:20002 --kv http://127.0.0.1:20001"),
        ("awk '{print}' {time} ${port} ${dir}", "awk '{print}' {time} ${port} ${dir}"),
        ("docker ps --format '{{.Names}}' {{{port}}}", "docker ps --format '{{.Names}}' {{port}}"),
        ("echo {{port}} {{kv.url}} {{user.name}}", "echo {port} {kv.url} {{user.name}}"),
        ("sh -c 'f() { echo {a,b}; }; f' {user.name}", "sh -c 'f() { echo {a,b}; }; f' {user.name}"),
        ("python -c 'print({})' {1,2} {2}", "python -c 'print({})' {1,2} {2}"),
    ],
)
def test_a_command_keeps_braces_that_name_nothing(command: str, filled: str) -> None:
    assert parsed(STATE.replace("COMMAND", command).replace("TEXT", "t"))[2] == filled


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("{kv.address} {a.port} {port} {host}", "127.0.0.1:20001 20002 20002 127.0.0.1"),
        ("{{time}} {{kv.url}}", "{time} {kv.url}"),
        ('{"a": {"b": "{kv.url}"}}', '{"a": {"b": "http://127.0.0.1:20001"}}'),
        ("${HOME} {} {2,3} { x } {Name}", "${HOME} {} {2,3} { x } {Name}"),
    ],
)
def test_a_value_is_filled_in(value: str, filled: str) -> None:
    assert parsed(STATE.replace("COMMAND", "true").replace("TEXT", value))[1]["VALUE"] == filled


def test_what_all_components_get_is_filled_in_for_where_they_run() -> None:
    _, env, _ = parsed(STATE.replace("COMMAND", "true").replace("TEXT", "t"))
    assert env["KV"] == "127.0.0.1:20001"
    assert env["PLAIN"] == '{"a": {"b": 1}} {time} ${dir} {kv.url}'
    loaded = schema.parse((HEAD + STATE.replace("COMMAND", "true").replace("TEXT", "{kv.url}")).encode())
    platform = Platform(loaded, Instance(Path("/nowhere"), "x"))
    boxed = of_component(platform, platform.components["a"], "docker")
    assert boxed["KV"] == "kv:20001" and boxed["VALUE"] == "http://kv:20001"


A = "[services.a]\nkind = 'command'\ndev = 'true'\nport = 20002\n"
KV = "[infra.kv]\nport = 20001\nrun = 'kv'\n"
WORKER = "[services.w]\nkind = 'command'\ndev = 'true'\n"
REFUSED: dict[str, tuple[str, str, int, str]] = {
    "no such key": (KV + A + "env = { U = '{kv.password}' }\n", "bad-template", 11, "url, address, host, port"),
    "a key with a typing mistake": (KV + A + "env = { U = '{kv.adress}' }\n", "bad-template", 11, "{kv.address}"),
    "a component with a typing mistake": (KV + A + "env = { U = '{kw.url}' }\n", "needs-unknown", 11, "{kv.url}"),
    "a word of its own with one": (A + "env = { U = '{prot}' }\n", "bad-template", 8, "{port}"),
    "an unknown word names the escape": (A + "env = { U = '{time}' }\n", "bad-template", 8, "{{time}}"),
    "a port where there is none": (WORKER + "env = { U = '{port}' }\n", "bad-template", 7, "{{port}}"),
    "the port of who has none": (WORKER + A + "env = { U = '{w.url}' }\n", "bad-template", 11, "w has no port"),
    "own words in [env]": ("[env]\nP = '{port}'\n" + A, "bad-template", 5, "addresses alone"),
    "[env] itself": (KV + "[env]\nP = { value = '{kv.addres}' }\n", "bad-template", 8, "{kv.address}"),
    "dev": (A.replace("true", "serve {kv.url}"), "needs-unknown", 6, "no component 'kv'"),
    "debug": (KV + A + "debug = 'x {kv.pot}'\n", "bad-template", 11, "{kv.port}"),
    "run": (KV.replace("'kv'", "'kv {state}'"), "bad-template", 6, "{data}"),
    "ready.exec": (KV + A + "ready = { exec = 'ping {kv.prt}' }\n", "bad-template", 11, "{kv.port}"),
    "ready.exec of infra": (KV + "ready = { exec = 'x {b.url}' }\n", "needs-unknown", 7, "no component 'b'"),
    "infra's env": (KV + "env = { A = '{posts.url}' }\n", "needs-unknown", 7, "no component 'posts'"),
    "a suite's env": (KV + "[tests.t]\ncommand = 'true'\nenv = { A = '{kv.urls}' }\n", "bad-template", 9, "{kv.url}"),
    "migrate is not filled in": (KV + A + "migrate = 'm {kv.url}'\n", "bad-template", 11, "$ADDRESS"),
    "test is not filled in": (KV + A + "test = 't {kv.url}'\n", "bad-template", 11, "$ADDRESS"),
    "a suite's command": (KV + "[tests.t]\ncommand = 'x {kv.port}'\n", "bad-template", 8, "$ADDRESS"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_stands_for_nothing_is_refused_with_its_line(name: str) -> None:
    text, code, line, words = REFUSED[name]
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + text).encode())
    problem = caught.value
    assert (problem.code, problem.source) == (code, f"desired_state.toml:{line}")
    assert words in f"{problem.what} {problem.because} {problem.hint}"


def test_the_place_of_the_machines_own_file_is_named() -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + A).encode(), b"[env]\nB = '{a.ports}'\n")
    assert caught.value.source == "desired_state.local.toml:2"
