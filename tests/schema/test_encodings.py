"""Files that a person edits: any editor's marks and line ends are taken, other encodings are refused by line."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import envfile, index_settings, lockfile, schema
from converge.errors import DevError
from converge.instance import Instance
from facts import docker
from tests.conftest import HEAD, Checkout

STATE = HEAD + "[env]\nSIGN = 'ä€'\n"
LOCK = "schema = 1\n[tools.hello]\nversion = '1.0 ä'\n"
VALUES = "FIRST=ä\nSECOND=two\n"
TAKEN: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda text: text.encode(),
    "a mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "a mark and CRLF": lambda text: codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode(),
    "no line end at the end": lambda text: text.rstrip("\n").encode(),
    "both line ends": lambda text: text.replace("\n", "\r\n", 1).encode(),
}
REFUSED: dict[str, tuple[Callable[[str], bytes], int, str]] = {
    "UTF-16": (lambda text: text.encode("utf-16"), 1, "it is UTF-16"),
    "UTF-16, big end first": (lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"), 1, "it is UTF-16"),
    "UTF-16 without a mark": (lambda text: "a=1\n".encode("utf-16-le"), 1, "byte 1 is a NUL byte"),
    "UTF-32": (lambda text: text.encode("utf-32"), 1, "it is UTF-32"),
    "Latin-1": (lambda text: text.encode() + "ü\n".encode("latin-1"), 0, "is 0xfc"),
    "Latin-1 after a mark": (lambda text: codecs.BOM_UTF8 + text.encode() + b"\xfc\n", 0, "is 0xfc"),
    "Windows' dash": (lambda text: text.encode() + "–\n".encode("cp1252"), 0, "is 0x96"),
    "a lone surrogate": (lambda text: text.encode() + b"\xed\xa0\x80\n", 0, "is 0xed"),
    "a NUL byte": (lambda text: text.encode() + b"\0\n", 0, "is a NUL byte"),
}
"""Name -> the file's bytes, the line that is named (0: the one after the text), and words of the reason."""


def _values(place: Path) -> Instance:
    (place / ".dev").mkdir(exist_ok=True)
    return Instance(place, "story", "")


READ: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "desired_state.toml": ("desired_state.toml", STATE, lambda place: schema.load(place).desired.env["SIGN"].value),
    "overrides": (
        "desired_state.local.toml", "[env]\nSIGN = 'ä'\n", lambda place: schema.load(place).desired.env["SIGN"].value
    ),
    "lock": ("desired_state.lock", LOCK, lambda place: lockfile.load(place)["tools"]["hello"]["version"]),
    "values": (".dev/values", VALUES, lambda place: envfile.values(_values(place))),
}  # fmt: skip
"""File -> its path, its text, and what is read of it."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "desired_state.toml").write_text(STATE, "utf-8")
    _values(tmp_path)
    return tmp_path


@pytest.mark.parametrize("how", TAKEN)
@pytest.mark.parametrize("file", READ)
def test_marks_and_line_ends_of_any_editor_are_taken(place: Path, file: str, how: str) -> None:
    name, text, read = READ[file]
    (place / name).write_text(text, "utf-8")
    wanted = read(place)
    (place / name).write_bytes(TAKEN[how](text))
    assert read(place) == wanted


@pytest.mark.parametrize("how", REFUSED)
@pytest.mark.parametrize("file", READ)
def test_another_encoding_is_refused_with_its_line(place: Path, file: str, how: str) -> None:
    name, text, read = READ[file]
    content, line, because = REFUSED[how]
    (place / name).write_bytes(content(text))
    with pytest.raises(DevError) as caught:
        read(place)
    line = line or text.count("\n") + 1
    assert str(caught.value.source).endswith(f"{name}:{line}") and because in str(caught.value.because)


def test_settings_of_other_programs_may_have_a_mark(tmp_path: Path) -> None:
    pip, uv, client = tmp_path / ".config/pip/pip.conf", tmp_path / ".config/uv/uv.toml", tmp_path / ".docker"
    for each in (pip.parent, uv.parent, client):
        each.mkdir(parents=True)
    pip.write_bytes(codecs.BOM_UTF8 + b"[global]\r\nindex-url = https://a\r\n")
    uv.write_bytes(codecs.BOM_UTF8 + b"offline = true\r\n")
    (client / "config.json").write_bytes(codecs.BOM_UTF8 + b'{"currentContext": "none-such"}')
    given = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(client)}
    assert dict(index_settings.of_pip(given))["PIP_INDEX_URL"] == "https://a"
    assert dict(index_settings.of_uv(given))["UV_OFFLINE"] == "true"
    assert "none-such" in docker.look(docker.Here(env=given)).because


def test_doctor_reads_what_windows_wrote_and_names_what_it_cannot_read(checkout: Checkout) -> None:
    checkout.state("[env]\nGIVEN = { pattern = '^two$' }\n")
    path = checkout.path / "desired_state.toml"
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    values = checkout.write(".dev/values", "")
    values.write_bytes(codecs.BOM_UTF8 + b"GIVEN=two\r\n")
    values.chmod(0o600)
    ran = checkout.dev("doctor")
    assert ran.code == 0, ran.out + ran.err
    for content in ("GIVEN=two\n".encode("utf-16"), b"A=b\nGIVEN=\xfc\n"):
        values.write_bytes(content)
        ran = checkout.dev("doctor")
        assert ran.code == 5 and f"line {content.count(b'A') + 1} is not UTF-8" in ran.out, ran.out + ran.err


VARIABLES = (
    "DEV_STORE", "DEV_REGISTRY_MIRROR", "DEV_SHARED", "DOCKER_HOST", "DOCKER_CONFIG", "HOME", "PATH",
    "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "SHELL", "TERM", "LANG", "TZ",
    "PORT", "HOST", "GIVEN", "HTTP_PROXY",
)  # fmt: skip


VALUES_OF_VARIABLES = (b"\xff\xfe", b"a\nb\x1b[2J", b"\xed\xa0\x80")


@pytest.mark.parametrize("value", VALUES_OF_VARIABLES)
def test_no_byte_in_a_variable_ends_a_look_with_a_bug(checkout: Checkout, value: bytes) -> None:
    """All of them at once, but for the one that every command refuses."""
    checkout.state("[env]\nGIVEN = { pattern = '.' }\n[services.w]\nkind = 'command'\ndev = 'sleep 9'\n")
    paths = ("HOME", "TMPDIR", "DEV_STORE", "DOCKER_CONFIG", *(name for name in VARIABLES if name.startswith("XDG")))
    text = os.fsdecode(value)
    given = {name: f"{checkout.home}/{text}" if name in paths else text for name in VARIABLES}
    given["PATH"] = f"{text}:{os.environ['PATH']}"
    for command in ("doctor", "status"):
        ran = checkout.dev(command, env=given)
        assert ran.code in (0, 2), ran
    ran = checkout.dev("status", env={"DEV_INSTANCE": text})
    assert ran.code == 64 and "is not an instance name" in ran.err
