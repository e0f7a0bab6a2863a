"""`./dev clean` takes everything away that the tool made, at once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import Checkout

SERVICE = "[services.a]\nkind = 'command'\nport = {}\ndev = 'exec python3 -m http.server $PORT --bind $HOST'\n"


@pytest.mark.parametrize("git", [True, False], ids=["in a repository", "without git"])
def test_a_second_clean_finds_nothing(checkout: Checkout, free_port: Callable[[], int], git: bool) -> None:
    if git:
        subprocess.run(["git", "init", "-q", str(checkout.path)], check=True)
    before = sorted(path.name for path in checkout.path.iterdir())
    checkout.state(SERVICE.format(free_port()))
    for argv in (("start",), ("handoff", "a")):
        ran = checkout.dev(*argv, env={"TERM_PROGRAM": "vscode"})
        assert ran.code == 0, ran.err
    assert (checkout.path / ".vscode/tasks.json").exists()
    ran = checkout.dev("clean", "--force")
    assert ran.code == 0 and "removed" in ran.err, ran.err
    assert sorted(path.name for path in checkout.path.iterdir()) == sorted({*before, "desired_state.toml"})
    again = checkout.dev("clean", "--force")
    assert again.code == 0 and "there is nothing to remove" in again.err and ".dev" not in again.err, again.err
    assert not (checkout.path / ".dev").exists()
    checkout.dev("status")
    assert "there is nothing to remove" in checkout.dev("clean", "--force").err


def test_an_empty_file_of_a_person_stays(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(SERVICE.format(free_port()))
    checkout.write(".vscode/tasks.json", '{ "version": "2.0.0", "tasks": [] }\n')
    assert checkout.dev("handoff", "a", env={"TERM_PROGRAM": "vscode"}).code == 0
    assert checkout.dev("clean", "--force").code == 0
    assert "dev:" not in (checkout.path / ".vscode/tasks.json").read_text()
