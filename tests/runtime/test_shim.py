"""A shim outlives a full disk, and a passer-by who only asks whether its lock is held."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.placements.native import SHIM
from tests.conftest import wait_until


def opened(pid: int) -> list[str]:
    """Files that the process has open."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(entry))
    return found


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_shim_outlives_a_full_disk_and_a_glance_at_its_lock(tmp_path: Path) -> None:
    spec = {
        "run_id": f"shim-test-{os.getpid()}", "argv": ["/bin/sh", "-c", "echo said; : >ran"], "cwd": str(tmp_path),
        "env": {}, "user": None, "group": None, "log": "/dev/full", "state": str(tmp_path / "state.json"),
        "lock": str(tmp_path / "lock"), "stop_signal": 15, "grace": 1, "retries": 0, "once": True, "hash": "",
        "since": time.time(), "debug": None, "tty": False,
    }  # fmt: skip
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        shim = subprocess.Popen([sys.executable, "-I", "-S", str(SHIM), str(tmp_path / "spec.json")])
        wait_until(lambda: str(tmp_path / "lock") in opened(shim.pid), 30)
    assert shim.wait(30) == 0
    assert (tmp_path / "ran").exists() and json.loads((tmp_path / "state.json").read_text())["state"] == "done"
