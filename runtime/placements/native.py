"""Native placement: a process on this host, kept by a shim; everything about it is looked up, never remembered."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

from converge import ending, leftovers
from facts import locks, processes
from facts.ports import HOME
from facts.processes import MARK, Process
from runtime.component import Component, Launch
from runtime.placements.seen import Seen, of_record

SHIM = Path(__file__).with_name("shim.py")
ENDED = ("done", "failed", "stopped")
"""What a shim says of its component before it ends itself."""
KILLED = 10.0
"""Seconds a killed shim's guard has to end what it kept."""


def look(component: Component) -> Seen:
    """Whether a shim keeps it, and what that shim last wrote, or what is seen where that cannot be right."""
    if not lives(component):
        return of_record("native", False, _killed(component, state_record(component)))
    return of_record("native", True, _checked(component, state_record(component)))


def lives(component: Component) -> bool:
    """Whether a shim holds the component's lock."""
    return locks.held(component.instance.shim_lock(component.name))


def state_record(component: Component) -> dict[str, Any]:
    """What its shim last wrote; empty where there never was one, or where that is damaged."""
    value = processes.load(component.directory / "state.json")
    return value if isinstance(value, dict) else {}


def _killed(component: Component, said: dict[str, Any]) -> dict[str, Any]:
    """What a shim said that lives no more, with what it left over if it had no time to say that it ends."""
    if said.get("state") not in ("running", "backoff"):
        return said
    left = leftovers.described(leftovers.of(component.instance, component.name))
    reason = f"its shim was killed; left over: {left}; ./dev stop ends them"
    return said | {"reason": reason if left else ""}


def _checked(component: Component, said: dict[str, Any]) -> dict[str, Any]:
    """What the living shim said, corrected by what is seen of it: the holder of the lock is the shim, no file is."""
    run = component.instance.run(component.name)
    keepers = {keeper.pid: found for keeper in run.keepers if (found := processes.read(keeper.pid))}
    shim, reason = said.get("shim"), ""
    known = isinstance(shim, int) and shim in keepers and said.get("state") in ("running", "backoff", *ENDED)
    if keepers and not known:
        child = next((each.pid for each in processes.below(run) if each.parent in keepers), None)
        said = {"state": "running" if child else "backoff", "pid": child}
        reason = "its state.json was deleted or damaged; what runs was looked up instead"
    if halted := [pid for pid, found in keepers.items() if found.state == "T"]:
        reason = f"its shim (pid {halted[0]}) was stopped by a signal; `kill -CONT {halted[0]}` lets it go on"
    return said | ({"reason": reason} if reason else {})


def host(component: Component) -> str:
    """Address on which it was last told to listen."""
    spec = processes.load(component.directory / "spec.json")
    env = spec.get("env") if isinstance(spec, dict) else None
    return str(env.get("HOST", HOME)) if isinstance(env, dict) else HOME


def spawn(component: Component, launch: Launch, digest: str) -> None:
    """Start the shim, in a session of its own, with only its own descriptors; returns when it holds its lock."""
    component.directory.mkdir(parents=True, exist_ok=True)
    component.log.parent.mkdir(parents=True, exist_ok=True)
    leftovers.sweep(component.instance, component.name, component.wants.stop_grace)
    forget(component)
    account = pwd.getpwnam(launch.user) if launch.user else None
    run_id = component.mark + secrets.token_hex(4)
    spec = {
        "run_id": run_id, "argv": launch.argv, "cwd": str(launch.cwd),
        "env": dict(launch.env), "user": account.pw_uid if account else None,
        "group": account.pw_gid if account else None, "log": str(component.log),
        "state": str(component.directory / "state.json"), "lock": str(component.directory / "lock"),
        "stop_signal": int(launch.stop_signal), "grace": component.wants.stop_grace, "retries": component.retries,
        "once": component.once, "hash": digest, "since": time.time(), "debug": launch.debug,
    }  # fmt: skip
    path = component.directory / "spec.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(spec, file)
    with open(component.log, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", *_bytecode(), str(SHIM), str(path)], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True, cwd="/", env={**os.environ, MARK: run_id},
        )  # fmt: skip
    while process.poll() is None and not state_record(component):
        time.sleep(0.005)


def _bytecode() -> list[str]:
    """Where the shim keeps what Python compiles of this checkout: where we do, else nowhere."""
    return ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else ["-B"]


def forget(component: Component) -> None:
    """How it once ended here does not matter any more."""
    path = component.directory / "state.json"
    if path.is_dir() and not path.is_symlink():  # somebody made it one; it is below a directory of ours
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def halt(component: Component) -> bool:
    """The same as `stop`: nothing of it is worth keeping."""
    return stop(component)


def stop(component: Component) -> bool:
    """End the component, its shim, and what an earlier shim left over; True if any of that ran.

    The shim ends within twice the component's grace. DevError `still-running` if something lives afterwards.
    """
    ran = lives(component)
    if ran:
        _end_shim(component)
    return leftovers.sweep(component.instance, component.name, component.wants.stop_grace) or ran


def _end_shim(component: Component) -> None:
    """Ask shim and guard to end; kill the shim if it does not, then the guard, which otherwise ends what it kept."""
    keepers = _keepers(component)
    steps = [
        ((signal.SIGTERM, signal.SIGCONT), keepers, 2 * component.wants.stop_grace + 8),
        ((signal.SIGKILL,), [each for each in keepers if each.parent in {k.pid for k in keepers}], KILLED),
        ((signal.SIGKILL,), keepers, KILLED),
    ]
    for numbers, asked, seconds in steps:
        for number, each in product(numbers, asked):
            ending.send(each, number)
        deadline = time.monotonic() + (seconds if asked else 0)
        while lives(component) and time.monotonic() < deadline:
            time.sleep(0.01)
        if not lives(component):
            return
    who = leftovers.described(_keepers(component)) or "its shim, which is another user's,"
    raise leftovers.still_running(component.name, who)


def _keepers(component: Component) -> list[Process]:
    """Its shim and guard, by who holds the lock."""
    found = (processes.read(keeper.pid) for keeper in component.instance.run(component.name).keepers)
    return [each for each in found if each]
