"""What a start does about containers that a person left in another state than it expects."""

from __future__ import annotations

from tests.handoff.conftest import boxed as boxed
from tests.handoff.platform import Platform


def test_a_migration_runs_beside_its_container_and_a_failed_one_takes_nothing_from_it(boxed: Platform) -> None:
    state = boxed.checkout.path / "desired_state.toml"
    text = state.read_text()
    entry = "[services.echo]\n"
    state.write_text(text.replace(entry, f"{entry}migrate = 'echo first'\n"))
    boxed.dev("start", "--docker")
    assert "first" in boxed.dev("logs", "echo").out
    before = boxed.container("echo-box")
    state.write_text(text.replace(entry, f"{entry}migrate = 'echo no such table; exit 7'\n"))
    assert "no such table" in boxed.dev("start", "--docker", code=3).err
    assert (boxed.container("echo-box"), boxed.owner(), boxed.ask()) == (before, "docker", "box")
    boxes = boxed.checkout.path / "compose/services.yaml"
    boxes.write_text(boxes.read_text().replace("WHO: box", "WHO: other", 1))
    boxed.dev("start", "--docker", code=3)  # Compose has replaced the container before the migration
    assert boxed.owner() == "none" and boxed.ask() == "ConnectionRefusedError" and boxed.ask(boxed.control) == "box"
    state.write_text(text)
    boxed.dev("start", "--docker")
    assert (boxed.owner(), boxed.ask()) == ("docker", "other")


def test_a_paused_container_goes_on_and_a_plain_start_says_that_it_leaves_docker(boxed: Platform) -> None:
    assert boxed.rig
    before = boxed.container("echo-box")
    boxed.rig.docker("pause", before)
    assert "paused" in boxed.checkout.components()["echo"]["reason"]
    started = boxed.dev("start", "--docker")
    assert "leaving Docker" not in started.err and boxed.container("echo-box") == before
    assert boxed.ask_inside() == boxed.ask() == "box"
    left = boxed.dev("start").err
    assert left.count("leaving Docker: echo, control run natively again (./dev start --docker keeps them)") == 1, left
    assert boxed.ask() == "native" and boxed.placement() == "native"
    assert "leaving Docker" not in boxed.dev("start").err
