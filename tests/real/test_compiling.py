"""A service that compiles inside its container is shown as `compiling`, with a limit of its own."""

from __future__ import annotations

from tests.conftest import wait_until
from tests.handoff.conftest import boxed as boxed
from tests.handoff.platform import Platform
from tests.real.conftest import rig as rig

COMPILES = "import subprocess\nsubprocess.run(['bash', '-c', 'exec -a {} sleep {}'])\n"
SHORT = "ready = { timeout = 6.0, http = '/readyz' }"


def test_a_first_build_in_a_container_is_seen(boxed: Platform) -> None:
    program, state = boxed.checkout.path / "server.py", boxed.checkout.path / "desired_state.toml"
    state.write_text(state.read_text().replace('ready = { http = "/readyz" }', SHORT, 1))
    plain = program.read_text()
    program.write_text(COMPILES.format("/usr/local/go/pkg/tool/compile", 8) + plain)
    running = boxed.checkout.popen("restart", "echo")
    seen = wait_until(lambda: (now := boxed.checkout.components()["echo"])["state"] == "compiling" and now)
    assert seen["placement"] == "docker" and seen["reason"].startswith("compiling, "), seen
    _, err = running.communicate(timeout=60)
    assert running.returncode == 0, f"it gave up on a compiler: {err}"
    assert boxed.ask() == "box"
