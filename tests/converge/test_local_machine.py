"""Commands on this machine: bounded in time, with nothing of them left behind; files that are whole or not there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge.context import ConvergeContext
from converge.errors import DevError
from converge.local_machine import LocalMachine
from facts.processes import read
from tests.conftest import wait_until
from tests.operations.test_items import context


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[LocalMachine]:
    target: ConvergeContext = context("", tmp_path)
    with LocalMachine(target) as found:
        yield found


def ended(pid: int) -> bool:
    found = read(pid)
    return found is None or not found.lives


@pytest.mark.parametrize("then", ["exit 0", "exit 3", "kill -KILL $$"])
def test_what_a_command_left_in_its_group_is_ended(machine: LocalMachine, then: str) -> None:
    ran = machine.run(["sh", "-c", f"sleep 600 >/dev/null 2>&1 </dev/null & echo $!; {then}"], timeout=60)
    wait_until(lambda: ended(int(ran.stdout)))
    assert (ran.returncode == 0) == (then == "exit 0")


def test_a_command_that_takes_too_long_is_ended_with_its_children(machine: LocalMachine, tmp_path: Path) -> None:
    with pytest.raises(DevError) as caught:
        machine.run(["sh", "-c", f"sleep 600 & echo $! >{tmp_path}/pid; wait"], timeout=1)
    assert "1 s" in f"{caught.value.what} {caught.value.because}"
    wait_until(lambda: ended(int((tmp_path / "pid").read_text())))


def test_an_interrupted_machine_starts_nothing_more(machine: LocalMachine, tmp_path: Path) -> None:
    problems: list[DevError] = []

    def waits() -> None:
        try:
            machine.run(["sh", "-c", f"echo $$ >{tmp_path}/pid; exec sleep 600"], timeout=300)
        except DevError as problem:
            problems.append(problem)

    thread = threading.Thread(target=waits)
    thread.start()
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    machine.end_all()
    thread.join(60)
    assert not thread.is_alive() and ended(int((tmp_path / "pid").read_text()))
    with pytest.raises(DevError) as caught:
        machine.run(["touch", str(tmp_path / "made")])
    assert caught.value.code == "interrupted" and not (tmp_path / "made").exists()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_written_file_is_whole_and_alone(machine: LocalMachine, tmp_path: Path, mode: int) -> None:
    target = tmp_path / "new" / "file"
    machine.write(target, b"first", mode)
    machine.write(target, b"second" * 100_000, mode)
    assert target.read_bytes() == b"second" * 100_000 and target.stat().st_mode & 0o777 == mode
    assert [each.name for each in target.parent.iterdir()] == ["file"]
