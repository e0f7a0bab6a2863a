"""What VS Code does on F5, without VS Code: variables, tasks, the file of variables and a debug adapter."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runtime.editors import spelling
from tests.conftest import wait_until
from tests.editors.conftest import Place


def filled(place: Place, value: Any) -> Any:
    """With VS Code's variables replaced."""
    if isinstance(value, str):
        return value.replace("${workspaceFolder}", str(place.path))
    if isinstance(value, list):
        return [filled(place, each) for each in value]
    return {key: filled(place, each) for key, each in value.items()} if isinstance(value, dict) else value


def run_task(place: Place, label: str) -> None:
    """As VS Code runs a task of type `process`: in the folder, without a terminal."""
    task = filled(place, place.entries("tasks.json")[label])
    ran = subprocess.run(
        [task["command"], *task["args"]], cwd=place.path, env=place.checkout.environment(), text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
    )  # fmt: skip
    assert task["type"] == "process" and ran.returncode == 0, ran.stdout + ran.stderr


@contextmanager
def adapter(argv: list[str], cwd: Path, env: dict[str, str], port: int) -> Iterator[int]:
    """A debug adapter that listens on the port, as an extension starts it; ended with all it started."""
    process = subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: bound(port))
        yield port
    finally:
        process.terminate()
        process.wait(60)


def bound(port: int) -> bool:
    """Whether somebody listens there, found out without a connection, as an adapter takes but one."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[3] == "0A" and row[1].endswith(f":{port:04X}") for row in rows)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def f5(place: Place, name: str) -> dict[str, Any]:
    """What VS Code has done before the adapter gets the entry: variables, the first task, the file of variables."""
    entry = filled(place, place.entries()[f"dev: {name}"])
    run_task(place, entry.pop("preLaunchTask"))
    kind = {"go": "go", "debugpy": "python"}[entry["type"]]
    env = spelling.read(Path(entry.pop("envFile")).read_text(), kind)
    return {**entry, "env": {**env, **entry.get("env", {})}}


def debugger_of(place: Place, name: str, find: Callable[[], Path | None]) -> Path:
    """The pinned one; the first `./dev debug` of a machine installs it."""
    if find() is None:
        place.dev("debug", name, timeout=300)
        place.dev("debug", name, "--off")
    found = find()
    assert found
    return found
