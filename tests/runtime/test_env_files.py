"""`env_file` of [env] and of services: who gets its values, what goes first, and what is said of a missing one."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from converge import envfile, schema
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.instance import Instance
from converge.operations import env
from converge.redaction import known
from facts.local import LocalReader
from facts.probe import observe
from runtime.environment import of_component, of_task, toolbox
from runtime.platform import Platform
from tests.conftest import Checkout

HEAD = 'schema = 1\n[project]\nname = "x"\n'
STATE = """
[env]
env_file = [".env", "more.env"]
DECLARED = "ours"
KEPT = { secret = true }
ONLY = { only = ["b"] }
[services.a]
kind = "command"
dev = "true"
path = "a"
port = 20001
env_file = ["own.env", "../a.env"]
env = { ENTRY = "ours" }
[services.b]
kind = "command"
dev = "true"
[tasks.t]
run = "true"
"""
FILES = {
    ".env": "SHARED=1\nDECLARED=theirs\nKEPT=abc Zk3x9Qm7\nONLY=b\nOVER=.env\nPORT=7",
    "more.env": "OVER=$OVER,more",
    "a/own.env": "ENTRY=theirs\nPORT=8\nOWN=1\nSHARED=a\nTEXT='{b.url}'",
    "a.env": "OWN=${OWN}2",
}


def place(directory: Path, text: str = STATE, files: Mapping[str, str] = FILES) -> Platform:
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)
    return Platform(schema.parse((HEAD + text).encode()), Instance(directory, "x"))


@pytest.mark.parametrize("placement", ["native", "docker"])
def test_entries_go_before_files_and_a_service_before_all(tmp_path: Path, placement: str) -> None:
    platform = place(tmp_path)
    a, b = (of_component(platform, each, placement) for each in platform.components.values())
    shared = {"SHARED": "1", "DECLARED": "ours", "KEPT": "abc Zk3x9Qm7", "OVER": ".env,more"}
    assert shared.items() <= b.items() and b["ONLY"] == "b" and "OWN" not in b
    own = {"SHARED": "a", "ENTRY": "ours", "OWN": "12", "PORT": "20001", "TEXT": "{b.url}"}
    assert {**shared, **own}.items() <= a.items() and "ONLY" not in a
    if placement == "native":
        assert shared.items() <= toolbox(platform).items() and shared.items() <= of_task(platform, "t").items()


def test_a_value_of_this_machine_goes_before_that_of_a_file(tmp_path: Path) -> None:
    platform = place(tmp_path)
    platform.instance.dev.mkdir()
    envfile.path(platform.instance).write_text("KEPT=mine\n")
    assert of_component(platform, platform.components["b"])["KEPT"] == "mine"


def test_secrets_of_a_file_are_hidden(tmp_path: Path) -> None:
    text = "\nAPI_TOKEN='tok en-1234567'\nDB=postgres://u:pass-word-9@h/x\nDEBUG=true-like-text\n"
    platform = place(tmp_path, files={**FILES, ".env": FILES[".env"] + text})
    hide = known.redactor(platform.instance, platform.loaded)
    for secret in ("abc Zk3x9Qm7", "tok en-1234567", "pass-word-9"):
        assert secret not in hide.text(f"it is {secret}!"), secret
    assert "true-like-text" in hide.text("it is true-like-text!")


BROKEN = {
    "A=1\nB='x\n": ("env-file", ".env:2"),
    "A=1\n\nB C=2\n": ("env-file", ".env:3"),
    "A=1\nB=\0\n": ("env-file", ".env:2"),
    None: ("env-file-missing", "desired_state.toml:5"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str | None) -> None:
    platform = place(tmp_path, '[env]\nenv_file = [".env"]\n[services.a]\nkind = "command"\ndev = "true"\n', {})
    if text is not None:
        (tmp_path / ".env").write_text(text)
    with pytest.raises(DevError) as caught:
        of_component(platform, platform.components["a"])
    assert (caught.value.code, caught.value.source) == BROKEN[text] and caught.value.hint
    (item,) = (each for each in looked(platform) if each.id == "env..env")
    assert (item.status, item.code, item.source) == ("manual", *BROKEN[text])
    assert known.redactor(platform.instance, platform.loaded)  # hiding goes on without it


def looked(platform: Platform) -> list[env.Item]:
    context = ConvergeContext(platform.loaded, platform.instance)
    return list(env.items(context, observe(env.probes(context), LocalReader())))


@pytest.mark.parametrize("ignored", [True, False])
@pytest.mark.parametrize("example", [".env.example", ".env.sample", "env.example"])
def test_doctor_says_what_a_missing_file_should_have(tmp_path: Path, ignored: bool, example: str) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(".env\n" if ignored else "")
    text = '[env]\nenv_file = [".env"]\nKEY = { required = true }\n'
    platform = place(tmp_path, text, {example: "KEY=\nURL=postgres://x # c\n"})
    found = {each.id: each for each in looked(platform)}
    missing = found["env..env"]
    assert missing.status == "manual" and ("git ignores it" in missing.because) is ignored
    assert f"cp {example} .env" in missing.hint and "KEY, URL" in missing.hint and "postgres" not in missing.hint
    assert found["env.KEY"].code == "env-missing"
    (tmp_path / ".env").write_text("KEY=1\n")
    assert {each.id: each.status for each in looked(platform)} == {"env..env": "ok", "env.KEY": "ok"}


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('[env]\nenv_file = ".env"\n', "value-wrong", 5),
        ("[env]\nenv_file = [1]\n", "value-wrong", 5),
        ('[env]\nA = "b"\nenv_file = ["../.env"]\n', "bad-path", 6),
        ('[services.a]\nkind = "go"\npath = "a"\nenv_file = ["../../x"]\n', "bad-path", 7),
        ('[services.a]\nkind = "go"\nenv_file = ["/etc/environment"]\n', "bad-path", 6),
        ('[services.a]\nkind = "go"\nenv_file = [""]\n', "bad-path", 6),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + text).encode())
    assert (caught.value.code, caught.value.source) == (code, f"desired_state.toml:{line}")


def test_only_a_table_of_its_own_has_the_key() -> None:
    with pytest.raises(DevError) as caught:
        schema.parse(b'schema = 1\nenv_file = [".env"]\n[project]\nname = "x"\n')
    assert (caught.value.code, caught.value.source) == ("value-wrong", "desired_state.toml:2")
    kept = schema.parse((HEAD + '[env]\nenv_file = { value = "x" }\n').encode()).desired
    assert kept.env["env_file"].value == "x" and kept.env_file == ()


def test_one_machine_has_other_files(tmp_path: Path) -> None:
    loaded = schema.parse((HEAD + STATE).encode(), b'[env]\nenv_file = ["mine.env"]\n')
    platform = Platform(loaded, place(tmp_path, files={**FILES, "mine.env": "MINE=1\n"}).instance)
    found = of_component(platform, platform.components["b"])
    assert found["MINE"] == "1" and "SHARED" not in found
    known.redactor(platform.instance, loaded)
    assert not any(each.id == "env.local" for each in looked(platform))


def test_dev_env_shows_values_of_files_and_hides_secrets(checkout: Checkout) -> None:
    checkout.write(".env", "API_TOKEN=q9z!\nPLAIN='a b'\n")
    checkout.state('[env]\nenv_file = [".env"]\n[services.a]\nkind = "command"\ndev = "true"\n')
    ran = checkout.dev("env", "a")
    assert ran.code == 0 and "PLAIN=a b\n" in ran.out and "q9z!" not in ran.out, ran
