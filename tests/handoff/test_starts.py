"""What a start does about containers that a person left in another state than it expects."""

from __future__ import annotations

from tests.handoff.conftest import boxed as boxed
from tests.handoff.platform import Platform
from tests.real.conftest import rig as rig


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
