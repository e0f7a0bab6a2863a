"""A service in a container is debugged on this machine, while other containers go on calling it by its name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from converge import schema
from tests.conftest import TOOL
from tests.debug import dap
from tests.handoff.conftest import boxed as boxed
from tests.handoff.platform import Platform
from tests.real.conftest import rig as rig


def test_a_request_of_another_container_stops_at_a_breakpoint(boxed: Platform) -> None:
    state, source = boxed.checkout.path / "desired_state.toml", boxed.checkout.path / "server.py"
    text = state.read_text()
    dev = next(line for line in text.splitlines() if line.startswith("dev = "))
    debug = dev.replace("dev = ", "debug = ").replace(
        "server.py", "-m debugpy --listen 127.0.0.1:{debug_port} server.py"
    )
    version = schema.load(TOOL).desired.tools["debugpy"]
    state.write_text(text.replace(dev, f"{dev}\n{debug}") + f'[tools]\ndebugpy = "{version}"\n')
    assert boxed.ask_inside() == boxed.ask() == "box"
    address = boxed.dev("debug", "echo", "--json").json["address"]
    assert (boxed.owner(), boxed.placement(), boxed.runs("echo-box")) == ("native", "native", False)
    assert boxed.ask_inside() == boxed.ask() == "native"
    line = next(n for n, row in enumerate(source.read_text().splitlines(), 1) if "text = f" in row)
    with ThreadPoolExecutor() as pool, dap.attach(int(address.rpartition(":")[2]), "debugpy") as session:
        session.stop_at(str(source), line)
        answer = pool.submit(boxed.ask_inside)
        stop = session.stopped()
        assert (stop.line, stop.variables["body"]) == (line, "b'x'")
        boxed.dev("start", "--docker")  # is not kept waiting, and moves nothing
        assert not answer.done()
        session.stop_at(str(source))
        session.go_on(stop)
        assert answer.result(30) == "native"
    boxed.dev("start")  # no container is left, but the edge goes on leading its callers to where it listens
    assert (boxed.placement(), boxed.checkout.components()["echo"]["debugger"]) == ("native", address)
    assert boxed.ask() == "native" and boxed.edge()
    boxed.dev("debug", "echo", "--off")
    assert boxed.ask() == "native" and boxed.edge() == 0
    boxed.dev("start", "--docker")
    boxed.dev("handoff", "echo", "--to", "docker")
    assert boxed.ask_inside() == boxed.ask() == "box" and boxed.placement() == "docker"
    boxed.dev("debug", "echo")
    assert boxed.ask() == "native"
    boxed.dev("debug", "echo", "--off")  # nothing else was asked of it meanwhile
    assert boxed.ask_inside() == boxed.ask() == "box" and boxed.placement() == "docker"
