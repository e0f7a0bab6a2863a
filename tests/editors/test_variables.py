"""The environment of a service reaches a shell, and the debuggers of editors, as it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtime.editors import spelling
from tests.editors.conftest import sourced

PEM = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBg+/kq=\n-----END PUBLIC KEY-----\n"
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
SIGNS = st.sampled_from(
    ["'", '"', "\\", "$", "${HOME}", "`", "\n", "\\n", " ", "#", "=", "%", "~", "\t", "\r", "a", "$("]
)
VALUES = st.lists(SIGNS | CHARACTERS, max_size=12).map("".join)


@settings(deadline=None, max_examples=60)
@given(st.lists(VALUES, max_size=5), st.sampled_from(["go", "python", "next", "command"]))
@example(
    [PEM, "", "it's", 'say "yes" to #1', "${HOME} $(touch made) `touch made`", "\\$x\\", "~/a:~/b", "FOR-EDITORS"], "go"
)
def test_every_value_reaches_a_shell_and_those_that_can_an_editor(values: list[str], kind: str) -> None:
    env = {f"V{number}": value for number, value in enumerate(values)}
    text = spelling.lines(env, kind)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "a.env"
        file.write_bytes(text.encode())
        found = sourced(file)
        assert [path.name for path in Path(place).iterdir()] == ["a.env"], "nothing was run"
    assert {name: value for name, value in found.items() if name in env} == env
    lost, read = spelling.lost(env, kind), spelling.read(text, kind)
    assert {name: value for name, value in read.items() if name not in lost} == {
        name: value for name, value in env.items() if name not in lost
    }
    assert not set(lost) & set(read), "what cannot be said is left away, not garbled"


@pytest.mark.parametrize("kind", ["go", "python", "next"])
@pytest.mark.parametrize(
    "value",
    [PEM, "it's", 'a "b" c', "two words", "# no comment", "$HOME ${HOME}", "a=b", "", "/usr/bin:/bin", "[1, 2]", "ü €",
     "postgres://u:p%40@127.0.0.1:1/x?y=z&a=b"],
)  # fmt: skip
def test_an_ordinary_value_is_lost_to_no_editor(kind: str, value: str) -> None:
    assert spelling.lost({"A": value}, kind) == ()
