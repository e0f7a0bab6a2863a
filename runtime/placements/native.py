"""Native placement: a process on this host, run by a shim; all its state is looked up, none is stored."""

from __future__ import annotations

import json
import os
import pwd
import signal
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

from converge import atomic, ending, leftovers, own_files
from facts import locks, processes
from facts.ports import HOME
from facts.processes import MARK, Process
from runtime.component import Component, Launch
from runtime.placements.seen import Seen, of_record

SHIM = Path(__file__).with_name("shim.py")
ENDED = ("done", "failed", "stopped")
"""States that a shim writes before it ends itself."""
KILLED = 10.0
"""Seconds in which the guard of a killed shim must end the processes."""


def look(component: Component) -> Seen:
    """Whether a shim runs it, and the state that the shim last wrote, corrected by what is looked up."""
    if not lives(component):
        return of_record("native", False, _killed(component, state_record(component)))
    return of_record("native", True, _checked(component, state_record(component)))


def lives(component: Component) -> bool:
    """Whether a shim holds the component's lock."""
    return locks.held(component.instance.shim_lock(component.name))


def state_record(component: Component) -> dict[str, Any]:
    """The state that its shim last wrote; empty if there never was a shim, or if the file is damaged."""
    value = processes.load(component.directory / "state.json")
    return value if isinstance(value, dict) else {}


def _killed(component: Component, said: dict[str, Any]) -> dict[str, Any]:
    """The last state of a shim that does not run; if it was killed, with the processes that it left."""
    if said.get("state") not in ("running", "backoff"):
        return said
    left = leftovers.described(leftovers.of(component.instance, component.name))
    reason = f"its shim was killed; left over: {left}; ./dev stop ends them"
    return said | {"reason": reason if left else ""}


def _checked(component: Component, said: dict[str, Any]) -> dict[str, Any]:
    """The state that the running shim wrote, corrected: the process that holds the lock is the shim."""
    run = component.instance.run(component.name)
    keepers = {keeper.pid: keeper for keeper in processes.those(run.keepers)}
    shim, reason = said.get("shim"), ""
    known = isinstance(shim, int) and shim in keepers and said.get("state") in ("running", "backoff", *ENDED)
    if keepers and not known:
        child = next((each.pid for each in processes.below(run) if each.parent in keepers), None)
        said = {"state": "running" if child else "backoff", "pid": child}
        reason = "its state.json was deleted or damaged; what runs was looked up instead"
    if halted := [pid for pid, found in keepers.items() if found.state == "T"]:
        reason = f"its shim (pid {halted[0]}) was stopped by a signal; `kill -CONT {halted[0]}` resumes it"
    return said | ({"reason": reason} if reason else {})


def host(component: Component) -> str:
    """Address on which its last start let it listen."""
    spec = processes.load(component.directory / "spec.json")
    env = spec.get("env") if isinstance(spec, dict) else None
    return str(env.get("HOST", HOME)) if isinstance(env, dict) else HOME


def spawn(component: Component, launch: Launch, digest: str) -> None:
    """Start the shim in its own session, with its own file descriptors only; returns when it holds its lock."""
    component.directory.mkdir(parents=True, exist_ok=True)
    component.log.parent.mkdir(parents=True, exist_ok=True)
    leftovers.sweep(component.instance, component.name, component.wants.stop_grace)
    forget(component)
    account = pwd.getpwnam(launch.user) if launch.user else None
    run_id = component.mark + os.urandom(4).hex()
    spec = {
        "run_id": run_id, "argv": launch.argv, "cwd": str(launch.cwd),
        "env": dict(launch.env), "user": account.pw_uid if account else None,
        "group": account.pw_gid if account else None, "log": str(component.log),
        "state": str(component.directory / "state.json"), "lock": str(component.directory / "lock"),
        "stop_signal": int(launch.stop_signal), "grace": component.wants.stop_grace, "retries": component.retries,
        "once": component.once, "hash": digest, "since": time.time(), "debug": launch.debug,
        "tty": launch.tty,
    }  # fmt: skip
    path = component.directory / "spec.json"
    if os.path.lexists(path):
        os.close(own_files.opened(path, os.O_WRONLY))
    atomic.write(path, json.dumps(spec))
    import subprocess  # saves 2 ms of every command that starts nothing

    os.close(own_files.opened(component.instance.shim_lock(component.name), os.O_RDWR | os.O_CREAT))
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with open(own_files.opened(component.log, flags), "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", *_bytecode(), str(SHIM), str(path)], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True, cwd="/", env={**os.environ, MARK: run_id},
        )  # fmt: skip
    while process.poll() is None and not state_record(component):
        time.sleep(0.005)


def _bytecode() -> list[str]:
    """Options for the shim's bytecode cache: that of this process, otherwise none."""
    return ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else ["-B"]


def forget(component: Component) -> None:
    """Delete the record of how it ended in this placement."""
    for name in ("state.json", "state.json.new"):
        path = component.directory / name
        if path.is_dir() and not path.is_symlink():  # a user made a directory of that name
            import shutil  # saves 3 ms wherever there is no such directory

            shutil.rmtree(path)
        path.unlink(missing_ok=True)


def halt(component: Component) -> bool:
    """The same as `stop`: a native component has nothing to keep."""
    return stop(component)


def stop(component: Component) -> bool:
    """Stop the component, its shim, and processes that an earlier shim left; whether any of them ran.

    The shim ends within twice the component's grace. DevError `still-running` if a process remains.
    """
    ran = end(component)
    return leftovers.sweep(component.instance, component.name, component.wants.stop_grace) or ran


def end(component: Component) -> bool:
    """Stop the component and its shim; whether a shim ran. The caller looks for processes that an earlier shim left."""
    ran = lives(component)
    if ran:
        _end_shim(component)
    return ran


def _end_shim(component: Component) -> None:
    """Ask shim and guard to end; kill a shim that does not, then a guard that does not end the processes."""
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
    if running := leftovers.described(_keepers(component)):
        raise leftovers.still_running(component.name, running)
    raise leftovers.of_another_user(component.instance, component.name)


def _keepers(component: Component) -> list[Process]:
    """Its shim and guard: the processes that hold the lock."""
    return processes.those(component.instance.run(component.name).keepers)
