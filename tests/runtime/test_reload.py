"""`reload = true`: a command without a reloader follows an edit, and nothing of its earlier run is left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError
from facts import processes
from tests.conftest import HEAD, Checkout, wait_until
from tests.runtime.test_reloaders import edit

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


OUTLIVES = pytest.param(
    "python3 worker.py & exit 0", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux has subreapers")
)


@pytest.mark.parametrize(
    "command", ["python3 worker.py", "true && python3 worker.py; echo over", "(python3 worker.py)", OUTLIVES]
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


CRASH = "raise SystemExit('no broker')\n"


def worker(checkout: Checkout, source: str, dev: str = "python3 worker.py'\nreload = true") -> Path:
    checkout.state(f"[services.worker]\nkind = 'command'\npath = 'app'\ndev = '{dev}\n")
    return checkout.write("app/worker.py", source)


def test_a_worker_without_a_port_that_ends_is_failed_until_the_next_change(checkout: Checkout) -> None:
    source = worker(checkout, CRASH)
    try:
        ran = checkout.dev("start")
        assert ran.code == 3 and "its program has ended" in ran.err and "no broker" in ran.err
        edit(source, WORKER)
        wait_until(lambda: checkout.components()["worker"]["state"] == "ready", 60)
        edit(source, CRASH.replace("no broker", "lost it"))
        found = wait_until(lambda: (now := checkout.components()["worker"])["state"] == "failed" and now, 60)
        assert "lost it" in found["reason"]
    finally:
        assert checkout.dev("stop").code == 0


@pytest.mark.parametrize("said", ["[nodemon] app crashed - waiting", "[nodemon] clean exit - waiting"])
def test_only_a_command_that_did_not_end_well_is_failed(checkout: Checkout, said: str) -> None:
    checkout.write("app/nodemon", f"import subprocess, sys\nsubprocess.run([sys.executable, *sys.argv[1:]])\n"
                   f"print('{said}', flush=True)\nimport time\ntime.sleep(600)\n")  # fmt: skip
    worker(checkout, CRASH, "python3 nodemon worker.py'\nready_after = 3.5")
    assert checkout.dev("start").code == (3 if "crashed" in said else 0)
    assert checkout.dev("stop").code == 0


def test_a_generator_of_code_may_end(checkout: Checkout) -> None:
    worker(checkout, "print('made')\n")
    assert checkout.dev("start").code == 0
    assert checkout.components()["worker"]["state"] == "ready"
    assert checkout.dev("stop").code == 0


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
