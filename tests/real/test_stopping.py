"""`./dev stop` ends the containers of a platform whose desired state cannot be read."""

from __future__ import annotations

from tests.handoff.conftest import boxed as boxed
from tests.handoff.platform import Platform
from tests.real.conftest import rig as rig


def test_stop_ends_all_containers_without_a_desired_state(boxed: Platform) -> None:
    state = boxed.checkout.path / "desired_state.toml"
    declared = state.read_text()
    state.write_text("[[")
    ran = boxed.dev("stop")
    state.write_text(declared)
    assert "found by the records" in ran.err
    assert [key for key in ("control-box", "dev-gateway", "echo-box") if boxed.container(key)] == []
    assert boxed.checkout.processes() == []
