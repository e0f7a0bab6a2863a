"""What can be debugged, by which debugger, and how one attaches to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError
from converge.instance import Instance
from runtime.platform import Platform
from runtime.services import debugging
from tests.conftest import HEAD

TEXT = """[infra.relay]
kind = "command"
run = "x"
port = 20001
[services.py]
kind = "python"
app = "m:a"
port = 20002
debug_port = 20012
[services.own]
kind = "go"
dev = "air"
port = 20003
debug_port = 20013
debug = "dlv debug --listen 127.0.0.1:{debug_port}"
[services.strange]
kind = "command"
dev = "x"
debug = "thing {debug_port}"
debug_port = 20014
[services.replaced]
kind = "go"
dev = "make run"
port = 20004
[services.none]
kind = "command"
dev = "x"
[services.seed]
kind = "command"
dev = "x"
once = true
"""


def platform(path: Path, name: str = "") -> Platform:
    return Platform(schema.parse((HEAD + TEXT).encode()), Instance(path, "x", name))


@pytest.mark.parametrize(
    ("name", "because"),
    [("relay", "only services"), ("seed", "only services"), ("none", "kind command has no debugger"),
     ("replaced", "by a `dev`")],
)  # fmt: skip
def test_what_cannot_be_debugged_is_told_why(tmp_path: Path, name: str, because: str) -> None:
    with pytest.raises(DevError) as caught:
        debugging.recipe(platform(tmp_path).component(name))
    assert f"{name} cannot be run under a debugger" in caught.value.what and because in caught.value.because


@pytest.mark.parametrize(("name", "debugger"), [("py", "debugpy"), ("own", "delve"), ("strange", "unknown")])
def test_a_debugger_is_that_of_the_kind_or_of_the_command(tmp_path: Path, name: str, debugger: str) -> None:
    found = debugging.recipe(platform(tmp_path).component(name))
    assert (found is debugging.UNKNOWN or found.name == debugging.UNKNOWN.name) == (debugger == "unknown")
    assert debugger == "unknown" or found.name == debugger


def test_the_ways_to_attach_name_the_port(tmp_path: Path) -> None:
    for name, number, ways in (
        ("py", 20012, {"vscode", "jetbrains", "terminal"}), ("own", 20013, {"vscode", "jetbrains", "terminal"}),
        ("strange", 20014, {"terminal"}),
    ):  # fmt: skip
        found = debugging.attach(platform(tmp_path), platform(tmp_path).component(name))
        assert (found.name, found.address, set(found.attach)) == (name, f"127.0.0.1:{number}", ways)
        assert str(number) in found.attach["terminal"]
    other = debugging.attach(platform(tmp_path, "two"), platform(tmp_path, "two").component("py"))
    assert set(other.attach) == {"jetbrains", "terminal"}, "entries of VS Code are those of the default instance"


@pytest.mark.parametrize(
    ("entry", "absent"),
    [
        ("kind = 'django'", True),
        ("kind = 'flask'\napp = 'a'", True),
        ("kind = 'python'\ndev = 'x'\ndebug = 'python3 -m debugpy --listen {debug_port} x.py'", True),
        (
            "kind = 'python'\ndev = 'x'\ndebug = 'uv run python -m debugpy --listen {debug_port} x'",
            False,
        ),
        ("kind = 'command'\ndev = 'x'\ndebug = './run -m debugpy --listen {debug_port}'", False),
    ],
)
def test_a_plain_command_of_debugpy_needs_debugpy(tmp_path: Path, entry: str, absent: bool) -> None:
    (tmp_path / "desired_state.lock").write_text("")
    loaded = schema.parse(f"{HEAD}[services.a]\n{entry}\nport = 20001\ndebug_port = 20011\n".encode())
    platform = Platform(loaded, Instance(tmp_path, "x"))
    if not absent:
        assert "debugpy" in debugging.launch(platform, platform.services["a"]).argv[-1]
        return
    with pytest.raises(DevError, match="there is no debugpy"):
        debugging.launch(platform, platform.services["a"])
