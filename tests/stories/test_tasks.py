"""`./dev run`: the list, one task with what it needs, its words and exit code, and what is refused at its line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from converge import schema
from converge.errors import DevError
from tests.conftest import HEAD, Checkout

TASKS = """
[env]
MODE = "development"
[services.one]
kind = "command"
dev = "exec python3 -m http.server {{port}} --bind {{host}}"
port = {port}
ready = {{ http = "/" }}
[tasks.seed]
run = 'echo "at $ONE in $MODE"'
needs = ["one"]
env = {{ ONE = "{{one.url}}" }}
help = "Fill it"
[tasks."db:fail"]
run = "pwd; exit 7"
path = "sub"
[tasks.words]
run = "printf '%s|'"
"""


@pytest.fixture
def tasked(checkout: Checkout, free_port: Callable[[], int]) -> Checkout:
    checkout.state(TASKS.format(port=free_port()))
    checkout.write("sub/kept", "")
    return checkout


def test_a_task_runs_where_it_says_with_its_words_and_ends_as_its_command(tasked: Checkout) -> None:
    listed = tasked.dev("run")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["seed", "db:fail", "words"], listed.out
    assert "Fill it" in listed.out and tasked.dev("run", "--json").json["tasks"][0]["name"] == "seed"
    failed = tasked.dev("run", "db:fail")
    assert (failed.code, failed.out) == (7, f"{tasked.path / 'sub'}\n"), failed
    assert tasked.dev("run", "words", "--", "a", "b c", "--fix", "$x").out == "a|b c|--fix|$x|"
    assert tasked.processes() == [], "a task that needs nothing started something"


def test_what_a_task_needs_is_started_first_and_stays(tasked: Checkout) -> None:
    ran = tasked.dev("run", "seed")
    try:
        address = tasked.components()["one"]["address"]
        assert (ran.code, ran.out) == (0, f"at http://{address} in development\n"), ran
        assert tasked.components()["one"]["state"] == "ready"
        assert "ready already" in tasked.dev("run", "seed").err
    finally:
        assert tasked.dev("stop").code == 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("run", "sed"), "did you mean seed?"), (("run", "seed", "x"), "./dev run seed -- x"),
        (("run", "nothing"), "declared are: seed, db:fail, words"), (("run", "seed", "--fix"), "--fix"),
    ],
)  # fmt: skip
def test_another_name_is_refused_with_a_hint(tasked: Checkout, argv: tuple[str, ...], said: str) -> None:
    ran = tasked.dev(*argv)
    assert ran.code == 64 and said in ran.err, ran.err


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ("[tasks.a]\nrun = ' '", "value-wrong", 5), ("[tasks.a]\nrun = 'x'\npath = '../b'", "bad-path", 4),
        ("[tasks.a]\nrun = 'x'\nneeds = ['z']", "needs-unknown", 6), ("[tasks.'-a']\nrun = 'x'", "bad-name", 4),
        ("[tasks.a]\nrun = 'x'\nenv = { 'A-B' = '1' }", "bad-name", 6), ("[tasks.a]\nhelp = 'x'", "key-missing", 4),
        ("[tasks.a]\nrun = 'x'\nenv = { A = '{z.url}' }", "needs-unknown", 6),
    ],
)  # fmt: skip
def test_a_wrong_task_is_refused_at_its_line(body: str, code: str, line: int) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse(f"{HEAD}{body}\n".encode())
    assert (caught.value.code, caught.value.source) == (code, f"desired_state.toml:{line}"), caught.value
