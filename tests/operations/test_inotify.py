"""Instances of inotify that are used up: a fact, and an item with the command that raises the limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from converge import schema
from converge.context import ConvergeContext
from converge.instance import Instance
from converge.operations import machine
from facts.machine import Instances
from facts.value import Unknown
from tests.conftest import HEAD, TOOL

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
UID = 54329
"""A user without an account, whose instances nobody else uses."""
HOLD = f"""
import ctypes, os, resource, sys
sys.path.insert(0, sys.argv[1])
from facts import machine
look = next(probe.look for probe in machine.probes() if probe.name == "machine.inotify_instances")
print(look().used_up)  # whatever it loads is loaded now
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
os.setgroups([]); os.setresgid(*3 * [{UID}]); os.setresuid(*3 * [{UID}])
libc, held = ctypes.CDLL(None, use_errno=True), []
while (one := libc.inotify_init1(0)) >= 0:
    held.append(one)
print(look().used_up)
os.close(held.pop())
print(look().used_up)
"""
SERVICE = "[services.w]\nkind = 'command'\ndev = 'true'\n"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="another user's instances are used up")
def test_the_last_instance_is_found_to_be_used() -> None:
    if int(LIMIT.read_text()) > 2000:
        pytest.skip("this machine lets a user have very many")
    argv = [sys.executable, "-I", "-S", "-B", "-c", HOLD, str(TOOL)]
    ran = subprocess.run(argv, capture_output=True, text=True)
    assert ran.stdout.split() == ["False", "True", "False"], ran.stderr


@pytest.mark.parametrize(
    ("found", "fresh"),
    [
        (Instances(128), 0), (Instances(128, True), 1024), (Instances(4096, True), 8192), (Instances(), 0),
        (Unknown("?"), 0),
    ],
)  # fmt: skip
def test_only_used_up_ones_are_an_item(tmp_path: Path, found: object, fresh: int) -> None:
    context = ConvergeContext(schema.parse((HEAD + SERVICE).encode()), Instance(tmp_path, "story", ""))
    seen = {"machine.inotify_instances": found, "machine.surroundings": ()}
    made = [item.step.by_hand for item in machine.items(context, seen) if item.step and item.status == "drift"]
    assert made == ([f"sudo sysctl -w fs.inotify.max_user_instances={fresh}"] if fresh else [])


@pytest.mark.parametrize(("declared", "asked"), [(SERVICE, True), ("", False), ("[env]\nA = 'x'\n", False)])
def test_it_is_looked_at_where_services_are(tmp_path: Path, declared: str, asked: bool) -> None:
    context = ConvergeContext(schema.parse((HEAD + declared).encode()), Instance(tmp_path, "story", ""))
    assert ("machine.inotify_instances" in [probe.name for probe in machine.probes(context)]) == asked
