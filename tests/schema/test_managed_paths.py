"""Every managed path is one place inside the checkout that nothing else of the desired state, git or ./dev has."""

from __future__ import annotations

import pytest

from converge import managed_paths, schema
from converge.errors import DevError

HEAD = 'schema = 1\n[project]\nname = "x"\n'


def entry(path: str, kind: str = "content = ''") -> str:
    return f"[files.'{path}']\n{kind}\n"


ALIASES = [
    ("a", "./a"), ("a", "a//b/.."), ("a//b", "a/b"), ("a/b", "a/b/"), ("a", "c/../a"), ("a/./b", "a/b"), ("A", "a"),
    ("docs/Readme", "docs/README"), ("caf\u00e9", "cafe\u0301"), ("STRASSE", "stra\u00dfe"), ("a", "a\u200c"),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["content = ''", "directory = true"])
@pytest.mark.parametrize(("one", "other"), ALIASES)
def test_one_place_is_declared_once(one: str, other: str, kind: str) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + entry(one) + entry(other, kind)).encode())
    assert (caught.value.code, caught.value.source) == ("bad-path", "desired_state.toml:6")
    assert caught.value.because.endswith(f"the other one is {one}")


@pytest.mark.parametrize(
    ("above", "below"),
    [("a", "a/b"), ("a", "./a/b/c"), ("a/b", "a//b/c"), ("A", "a/b"), ("x/../a", "a/b"), ("\u00e9", "e\u0301/b")],
)
@pytest.mark.parametrize("first", ["above", "below"])
def test_nothing_is_below_a_file(above: str, below: str, first: str) -> None:
    entries, line = ([above, below], 6) if first == "above" else ([below, above], 4)
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + "".join(map(entry, entries))).encode())
    assert (caught.value.code, caught.value.source) == ("bad-path", f"desired_state.toml:{line}")
    assert caught.value.what == f"{below} is below {above}"
    assert schema.parse((HEAD + entry(above, "directory = true") + entry(below)).encode())


@pytest.mark.parametrize(
    "path",
    [".dev/values", ".dev", "./.dev/x", "a/../.dev/values", ".DEV/values", "sub/.dev/values", ".git/config", ".git",
     ".Git/hooks/x", "sub/.git/config", ".g\u200cit/config", "desired_state.toml",
     "./desired_state.lock", "x//../desired_state.local.toml",
     "Desired_State.toml", "desired_state.toml/x", "..", "../x", "a/../../x", "/etc/x", "", ".", "a/..", "./"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["content = ''", "directory = true"])
def test_what_belongs_to_somebody_else_is_refused(path: str, kind: str) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + entry("fine") + entry(path, kind)).encode())
    assert (caught.value.code, caught.value.source) == ("bad-path", "desired_state.toml:6"), caught.value.what


@pytest.mark.parametrize(
    ("path", "normal"),
    [("a", "a"), ("./a", "a"), ("a//b/", "a/b"), ("a/../b", "b"), (".gitignore", ".gitignore"),
     (".devcontainer/x", ".devcontainer/x"), ("sub/desired_state.toml", "sub/desired_state.toml"),
     (".github/./w", ".github/w"), ("a b/\u00e9", "a b/\u00e9"), ("...", "...")],
)  # fmt: skip
def test_others_are_taken_in_one_form(path: str, normal: str) -> None:
    assert path in schema.parse((HEAD + entry(path)).encode()).desired.files
    assert managed_paths.normal(path) == normal
