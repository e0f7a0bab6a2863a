"""F5 in VS Code: an entry of launch.json, given to the real debug adapter, stops a request at a breakpoint."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from converge import schema, tools
from tests.conftest import TOOL
from tests.debug import dap
from tests.editors.conftest import NOTE, Place
from tests.editors.f5 import adapter, debugger_of, f5, free_port, run_task


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
    asking.join(60)
    assert got == [f"{NOTE} bo"]
    return stop


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
