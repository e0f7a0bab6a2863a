"""An engine that is restarted brings back all containers of a platform, and none of one that was stopped."""

from __future__ import annotations

from tests.conftest import wait_until
from tests.handoff.conftest import boxed as boxed
from tests.handoff.platform import Platform
from tests.real.conftest import rig as rig
from tests.real.rig import Rig

BOXES = ("control-box", "dev-gateway", "echo-box")


def health(rig: Rig, box: str) -> str:
    return rig.docker("inspect", "-f", "{{.State.Health.Status}}", box).stdout.strip()


def running(boxed: Platform) -> list[str]:
    return [key for key in BOXES if boxed.runs(key)]


def states(boxed: Platform) -> dict[str, str]:
    return {name: entry["state"] for name, entry in boxed.checkout.components().items()}


def test_the_gateway_is_shown_and_watched(boxed: Platform, rig: Rig) -> None:
    entry, box = boxed.checkout.components()["dev-gateway"], boxed.container("dev-gateway")
    assert (entry["state"], entry["placement"], entry["port"]) == ("ready", "docker", None), entry
    wait_until(lambda: health(rig, box) == "healthy", 30)
    rig.docker("pause", box)
    assert states(boxed)["dev-gateway"] == "paused"
    rig.docker("unpause", box)
    rig.docker("rm", "-f", box)
    entry = boxed.checkout.components()["dev-gateway"]
    assert entry["state"] == "stopped" and "./dev start" in entry["reason"], entry
    boxed.dev("start", "--docker")
    assert states(boxed) == {"echo": "ready", "control": "ready", "dev-gateway": "ready"}
    boxed.dev("start")
    assert states(boxed) == {"echo": "ready", "control": "ready"}


def test_a_restarted_engine_brings_back_all_or_none(boxed: Platform, rig: Rig) -> None:
    assert running(boxed) == list(BOXES)
    rig.end()
    rig.restart()
    wait_until(lambda: running(boxed) == list(BOXES) and set(states(boxed).values()) == {"ready"}, 40)
    assert boxed.ask() == boxed.ask(boxed.control) == "box"
    boxed.dev("stop", "echo")
    rig.end()
    rig.restart()
    wait_until(lambda: states(boxed)["control"] == "ready", 40)
    assert running(boxed) == ["control-box", "dev-gateway"] and states(boxed)["echo"] == "stopped"


def test_a_container_that_ends_again_and_again_has_failed_and_can_be_started(boxed: Platform) -> None:
    text = (boxed.checkout.path / "server.py").read_text()
    boxed.checkout.write("server.py", "raise SystemExit('I cannot find my hat')\n")
    ran = boxed.dev("restart", "echo", code=3)
    assert "I cannot find my hat" in ran.err and "5 times" in ran.err, ran.err
    boxed.checkout.write("server.py", text)
    boxed.dev("start", "--docker")
    assert boxed.ask() == "box"


def test_stop_ends_all_containers_without_a_desired_state(boxed: Platform) -> None:
    state = boxed.checkout.path / "desired_state.toml"
    declared = state.read_text()
    state.write_text("[[")
    ran = boxed.dev("stop")
    assert "found by the records" in ran.err and [key for key in BOXES if boxed.container(key)] == []
    assert boxed.checkout.processes() == []
    state.write_text(declared)
