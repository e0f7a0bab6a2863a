"""`reload = true`: a command without a reloader follows an edit, and nothing of its earlier run is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError
from facts import processes
from tests.conftest import HEAD, Checkout, wait_until

WORKER = """import os, time
with open("said.log", "a") as said:
    print("WORD", os.getpid(), file=said)
time.sleep(600)
"""


def said(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text().splitlines()]
    except FileNotFoundError:
        return []


@pytest.mark.parametrize(
    "command", ["python3 worker.py", "true && python3 worker.py; echo over", "(python3 worker.py)"]
)
def test_an_edit_runs_it_again_and_ends_all_of_the_run_before(checkout: Checkout, command: str) -> None:
    checkout.state(
        f"[services.worker]\nkind = 'command'\ndev = '{command}'\npath = 'app'\nwatch = ['../lib']\nreload = true\n"
    )
    checkout.write("lib/more.py", "")
    source, log = checkout.write("app/worker.py", WORKER), checkout.path / "app/said.log"
    try:
        assert checkout.dev("start").code == 0
        wait_until(lambda: len(said(log)) == 1)
        (checkout.path / "app/notes.txt").write_text("no source")
        source.write_text(WORKER.replace("WORD", "EDITED"))
        wait_until(lambda: [row[0] for row in said(log)] == ["WORD", "EDITED"])
        (checkout.path / "lib/more.py").write_text("x = 1")
        wait_until(lambda: len(said(log)) == 3)
        first, second, third = (int(row[1]) for row in said(log))
        assert processes.read(third) and not any(now and now.lives for now in map(processes.read, (first, second)))
        assert checkout.components()["worker"]["state"] == "ready"
    finally:
        assert checkout.dev("stop").code == 0
    assert checkout.processes() == []


@pytest.mark.parametrize(
    ("body", "because"),
    [
        ("kind = 'go'\nreload = true", "kind go reloads by itself"),
        ("kind = 'command'\ndev = 'x'\nonce = true\nreload = true", "it runs to its end once"),
    ],
)
def test_where_it_would_do_nothing_it_is_refused_at_its_line(body: str, because: str) -> None:
    text = f"{HEAD}[services.one]\n{body}\n"
    with pytest.raises(DevError) as caught:
        schema.parse(text.encode())
    line = text.splitlines().index("reload = true") + 1
    assert (caught.value.code, caught.value.because) == ("value-wrong", because)
    assert caught.value.source == f"desired_state.toml:{line}"
