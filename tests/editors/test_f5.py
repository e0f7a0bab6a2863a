"""F5 in VS Code: an entry of launch.json, given to the real debug adapter, stops a request at a breakpoint."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from converge import schema, tools
from runtime.editors import spelling
from tests.conftest import TOOL, wait_until
from tests.debug import dap
from tests.editors.conftest import NOTE, Place


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
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
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
        process.wait(10)


def bound(port: int) -> bool:
    """Whether somebody listens there, found out without a connection, as an adapter takes but one."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[3] == "0A" and row[1].endswith(f":{port:04X}") for row in rows)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stopped_request(place: Place, session: dap.Session, name: str, file: str, text: str) -> dap.Stop:
    """Ask the service's constant address while a breakpoint stands at the line after `text`; it gets its answer."""
    path = place.path / file
    line = next(n for n, row in enumerate(path.read_text().splitlines(), 1) if text in row) + 1
    session.stop_at(str(path), line)
    got: list[str] = []
    asking = threading.Thread(target=lambda: got.append(place.ask(name)))
    asking.start()
    stop = session.stopped()
    assert (stop.file, stop.line) == (str(path), line) and not got
    session.go_on(stop)
    asking.join(20)
    assert got == [f"{NOTE} bo"]
    return stop


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


def test_f5_on_a_go_service_stops_a_request(place: Place) -> None:
    place.handoff("goer")
    place.dev("handoff", "goer", "--back")
    entry = f5(place, "goer")
    last = entry.pop("postDebugTask")
    dlv = debugger_of(place, "goer", lambda: tools.executable(schema.load(TOOL), "delve"))
    directory, port = Path(entry["program"]), free_port()
    env = {**place.checkout.environment(), **entry["env"]}
    with (
        adapter([str(dlv), "dap", f"--listen=127.0.0.1:{port}"], directory, env, port),
        dap.launch(port, "go", {**entry, "program": "."}, 60) as session,
    ):
        place.answers("goer")
        stop = stopped_request(place, session, "goer", "services/goer/cmd/main.go", "greeting := ")
        assert stop.function == "main.hello" and stop.variables["greeting"].startswith("\"it's #1")
        assert place.checkout.components()["goer"]["placement"] == "ide"
        session.ask("disconnect", terminateDebuggee=True)
    run_task(place, last)
    assert place.checkout.components()["goer"]["placement"] == "native" and place.ask("goer") == f"{NOTE} bo"


def test_f5_on_a_python_service_stops_a_request(place: Place) -> None:
    place.handoff("pythoner")
    place.dev("handoff", "pythoner", "--back")
    entry = f5(place, "pythoner")
    last, port = entry.pop("postDebugTask"), free_port()
    library = debugger_of(place, "pythoner", lambda: tools.library(schema.load(TOOL), "debugpy"))
    env = {**os.environ, "PYTHONPATH": str(library)}
    argv = [sys.executable, "-m", "debugpy.adapter", "--host", "127.0.0.1", "--port", str(port)]
    with (
        adapter(argv, place.path, env, port),
        dap.launch(port, "debugpy", {**entry, "console": "internalConsole"}, 60) as session,
    ):
        place.answers("pythoner")
        stop = stopped_request(place, session, "pythoner", "services/py thoner/app.py", "greeting = ")
        assert stop.function == "app" and stop.variables["name"] == "'bo'"
        session.ask("disconnect", terminateDebuggee=True)
    run_task(place, last)
    assert place.checkout.components()["pythoner"]["placement"] == "native" and place.ask("pythoner") == f"{NOTE} bo"
