"""The engine is a process of its own: killed, or its caller killed, it leaves no command behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TOOL, wait_until

PROGRAM = f"""
import sys
sys.path.insert(0, {str(TOOL)!r})
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.local_machine import LocalMachine
try:
    LocalMachine(ConvergeContext(None, None)).pyinfra("server.shell", commands=["sleep " + sys.argv[1]])
except DevError as problem:
    print(problem.code, problem.because)
"""


def running(pattern: str) -> list[int]:
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True).stdout
    return [int(pid) for pid in found.split()]


@pytest.mark.skipif(os.geteuid() != 0, reason="system changes need root")
@pytest.mark.parametrize("victim", ["engine", "caller"])
def test_a_kill_leaves_no_command(tmp_path: Path, victim: str) -> None:
    seconds = f"9{os.getpid() % 10000}.{1 if victim == 'engine' else 2}"
    caller = subprocess.Popen([sys.executable, "-c", PROGRAM, seconds], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: running(f"^sleep {seconds}"))
    engine = [pid for pid in running("engine_main.py") if _parent(pid) == caller.pid]
    os.kill(engine[0] if victim == "engine" else caller.pid, signal.SIGKILL)
    said, _ = caller.communicate(timeout=20)
    assert victim == "caller" or "system-change" in said
    wait_until(lambda: not running(f"^sleep {seconds}"))


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


SEEN = f"""
import os, sys
sys.path.insert(0, {str(TOOL)!r})
from converge import engine_main
def seen(state, operation, **args):
    config = args["_env"].pop("APT_CONFIG")
    print("seen", args["name"], args["commands"], args["_sudo"], args["_timeout"], args["_env"], file=sys.stderr)
    print("mode", oct(os.stat(config).st_mode & 0o777), "Lock::Timeout" in open(config).read(), file=sys.stderr)
    raise ValueError("enough")
engine_main.add_op = seen
sys.exit(engine_main.main())
"""


@pytest.mark.parametrize("sudo", [True, False])
def test_an_operation_gets_what_was_asked_and_settings_that_apt_can_read(sudo: bool) -> None:
    asked = {"operation": "server.shell", "args": {"commands": ["true"]}, "sudo": sudo, "timeout": 7}
    ran = subprocess.run([sys.executable, "-c", SEEN], input=json.dumps(asked), capture_output=True, text=True)
    assert f"seen server.shell ['true'] {sudo} 7 {{'DEBIAN_FRONTEND': 'noninteractive'}}" in ran.stderr
    assert "mode 0o644 True" in ran.stderr, "apt drops its rights before it reads it"
    assert json.loads(ran.stdout) == {"ok": False, "said": "ValueError: enough"}
