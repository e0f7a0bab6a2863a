"""The loop that builds and restarts services of kinds without one of their own, run as the shim runs it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.services.rebuilding import LOOP
from tests.conftest import wait_until

BUILD = "cp source.txt built.txt && ! grep -q broken source.txt"
RUN = "echo $$ $(cat built.txt) >>ran; exec sleep 600"


@contextmanager
def loop(place: Path, build: str = BUILD) -> Iterator[subprocess.Popen[bytes]]:
    """The loop on a directory of its own, whose name a `--skip` must not see."""
    place.mkdir()
    (place / "source.txt").write_text("one")
    words = ["--suffix=txt", "--skip=*/built*", str(place), "--build", "sh", "-c", build, "--run", "sh", "-c", RUN]
    with (place / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-I", str(LOOP), *words], cwd=place, stdout=said, stderr=said, start_new_session=True
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ran(place: Path) -> list[list[str]]:
    """Pid and content of each program that was run."""
    try:
        return [row.split() for row in (place / "ran").read_text().splitlines()]
    except FileNotFoundError:
        return []


def alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def opened(pipe: Path) -> bool:
    """Whether somebody read from it, who now goes on."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def test_a_change_is_built_and_a_build_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "built"
    with loop(place) as process:
        (first,) = wait_until(lambda: ran(place), 60)
        assert first[1] == "one"
        (place / "source.txt").write_text("broken")
        wait_until(lambda: b"the build failed" in (place / "said").read_bytes(), 60)
        assert alive(first[0]) and len(ran(place)) == 1
        (place / "source.txt").write_text("two")
        wait_until(lambda: ran(place)[-1][1] == "two", 60)
        assert not alive(first[0])
        last = ran(place)[-1][0]
        assert alive(last)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not alive(last)


def test_a_change_during_the_first_build_is_not_missed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go-on")
    held = f"[ -e ran ] || {{ touch reached; cat '{tmp_path}/go-on'; }}"
    with loop(tmp_path / "slow", f"cp source.txt built.txt; {held}"):
        wait_until(lambda: (tmp_path / "slow" / "reached").exists(), 60)  # it has copied the old one
        (tmp_path / "slow" / "source.txt").write_text("late")
        wait_until(lambda: opened(tmp_path / "go-on"), 60)
        wait_until(lambda: [row[1] for row in ran(tmp_path / "slow")] == ["one", "late"], 60)
