"""Native placement: a process on this host, kept by a shim; everything about it is looked up, never remembered."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from facts import locks
from facts.ports import HOME
from runtime.component import Component, Launch
from runtime.placements.seen import Seen, of_record

SHIM = Path(__file__).resolve().parent.parent / "shim.py"
KILLED = 10.0
"""Seconds a killed shim's guard has to end what it kept."""


def look(component: Component) -> Seen:
    """Whether a shim keeps it, and what that shim last wrote."""
    return of_record("native", lives(component), told(component))


def lives(component: Component) -> bool:
    """Whether a shim holds the component's lock."""
    return locks.held(component.instance.shim_lock(component.name))


def told(component: Component) -> dict[str, Any]:
    """What its shim last wrote; empty where there never was one."""
    try:
        value = json.loads((component.directory / "state.json").read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def host(component: Component) -> str:
    """Address on which it was last told to listen."""
    try:
        value = json.loads((component.directory / "spec.json").read_text())["env"].get("HOST", HOME)
    except (OSError, ValueError, KeyError):
        return HOME
    return str(value)


def spawn(component: Component, launch: Launch, digest: str) -> None:
    """Start the shim, in a session of its own, with only its own descriptors; returns when it holds its lock."""
    component.directory.mkdir(parents=True, exist_ok=True)
    component.log.parent.mkdir(parents=True, exist_ok=True)
    forget(component)
    account = pwd.getpwnam(launch.user) if launch.user else None
    spec = {
        "run_id": component.mark + secrets.token_hex(4), "argv": launch.argv, "cwd": str(launch.cwd),
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
            [sys.executable, "-I", "-S", str(SHIM), str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd="/",
        )  # fmt: skip
    while process.poll() is None and not told(component):
        time.sleep(0.005)


def forget(component: Component) -> None:
    """How it once ended here does not matter any more."""
    (component.directory / "state.json").unlink(missing_ok=True)


def signal_shim(component: Component, number: signal.Signals) -> None:
    """Tell the shim; only where its lock is held, so that the pid is its own."""
    shim = told(component).get("shim")
    if shim and lives(component):
        try:
            os.kill(shim, number)
        except ProcessLookupError:
            pass


def halt(component: Component) -> bool:
    """The same as `stop`: nothing of it is worth keeping."""
    return stop(component)


def stop(component: Component) -> bool:
    """End the component and its shim; True if it ran. The shim ends within twice the component's grace."""
    if not lives(component):
        return False
    signal_shim(component, signal.SIGTERM)
    deadline = time.monotonic() + 2 * component.wants.stop_grace + 8
    while lives(component) and time.monotonic() < deadline:
        time.sleep(0.01)
    if lives(component) and (shim := told(component).get("shim")):
        with contextlib.suppress(ProcessLookupError):
            os.kill(shim, signal.SIGKILL)  # its guard ends what it kept, and has the lock as long
        deadline = time.monotonic() + KILLED
        while lives(component) and time.monotonic() < deadline:
            time.sleep(0.01)
    return True
