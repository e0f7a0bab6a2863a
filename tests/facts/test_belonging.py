"""Who belongs to a component: a case in belonging/ is a table of processes, and says of each whether it does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from facts import processes
from facts.processes import Identity, Process, Run, Table
from tests.conftest import wait_until

CASES = sorted((Path(__file__).parent / "belonging").glob("*.toml"))


def run_of(case: dict[str, Any]) -> Run:
    """Of user 1000 with the mark `i:a:` where the case says nothing else."""
    said = case["run"]
    sets = {name: frozenset(Identity(*row) for row in said.get(name, ())) for name in ("keepers", "known", "sessions")}
    return Run("i:a:", frozenset(said.get("uids", (1000,))), **sets)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_who_belongs(path: Path) -> None:
    case = tomllib.loads(path.read_text())
    run, wanted = run_of(case), {row["pid"]: row.pop("belongs") for row in case["process"]}
    told = [Process(**{"start": 200, "uid": 1000, **row}) for row in case["process"]]
    first = Process(1, 0, 0, 1, uid=0)
    keepers = [Process(pid, start, 1, pid) for pid, start in run.keepers if pid not in case["run"].get("absent", ())]
    among = Table([first, *keepers, *told])
    assert {each.pid: processes.belongs(each, run, among) for each in told} == wanted, case["because"]
    assert {each.pid for each in processes.members(run, among)} == {pid for pid, yes in wanted.items() if yes}


@pytest.mark.skipif(not processes.LINUX, reason="it looks into /proc")
def test_nothing_descends_from_a_process_that_was_given_the_number_of_a_keeper() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "echo; sleep 1000 & read x; kill $!"], stdin=-1, stdout=-1) as shell:
        assert shell.stdout and shell.stdout.readline()
        now = processes.read(shell.pid)
        assert now
        for start, wanted in ((now.start, 1), (now.start - 1, 0), (now.start + 1, 0)):
            run = Run("i:a:", processes.uids(), keepers=frozenset({Identity(shell.pid, start)}))
            assert wait_until(lambda: len(processes.below(run)) == wanted, 30)  # noqa: B023 - waited for at once
            assert len(processes.those(run.keepers)) == wanted
        shell.communicate(b"\n")


def test_a_circle_of_ancestors_ends() -> None:
    among = Table([Process(5, 9, 6, 5), Process(6, 9, 5, 6), Process(7, 9, 7, 7)])
    assert processes.members(Run("i:a:", frozenset({1})), among) == []


def test_a_run_is_read_as_it_was_written_and_only_in_its_boot() -> None:
    run = Run("i:a:1", processes.uids(70), *(frozenset({Identity(n, n)}) for n in (1, 2, 3)))
    document = json.loads(json.dumps(processes.document(run)))
    assert processes.of_document(document, "i:a:1") == run
    assert processes.of_document(document | {"moment": "before"}, "i:a:1") == Run("i:a:1", processes.uids())


@pytest.mark.parametrize(
    "value", [None, [], 7, "x", {}, {"keepers": 5}, {"keepers": [[1], ["a", 2], [True, 1], 3], "uids": ["root", 1.5]}]
)
def test_a_damaged_record_is_none(value: object) -> None:
    damaged = value | {"moment": processes.moment()} if isinstance(value, dict) else value
    assert processes.of_document(damaged, "i:a:") == Run("i:a:", processes.uids())


@pytest.mark.skipif(not shutil.which("ps"), reason="this system has no ps")
def test_ps_is_read_as_on_macos() -> None:
    argv = ["ps", "-axo", "pid=,ppid=,pgid=,uid=,stat=,lstart="]
    said = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    (own,) = [row for row in processes.of_ps(said) if row.pid == os.getpid()]
    assert own.parent == os.getppid() and own.session == os.getsid(0) and own.uid == os.getuid() and own.lives
    (mac,) = processes.of_ps("  501   1   501   20 Ss   Mon Jul  7 09:15:02 2025    \nnoise\n")
    assert (mac.pid, mac.parent, mac.uid, mac.state) == (501, 1, 20, "S") and mac.start > 1_700_000_000
