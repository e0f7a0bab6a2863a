"""Whatever a hand-off is cut off in, somebody legal has the service, and the next command goes on from there."""

from __future__ import annotations

import os

from tests.handoff.platform import Platform, answers

STRIDE = int(os.environ.get("CRASH_STRIDE", "4"))
"""Every which step a run dies at."""


def legal(it: Platform, process: bool) -> None:
    """One owner, who answers on both addresses; never two at once."""
    owner = it.owner()
    assert owner in ("docker", "ide")
    if owner == "docker":
        answers(it, "box") if it.ask_inside() == "box" and not process else None
        assert it.ask_inside() == "box"
    else:
        assert it.ask_inside() == "ide"


def test_a_run_that_dies_at_any_step_leaves_a_service_that_answers(boxed: Platform) -> None:
    boxed.dev("handoff", "echo")
    boxed.ide()
    answers(boxed, "ide")
    counted = boxed.die(0, "handoff", "echo", "--back")
    assert counted.code == 0
    back = int(counted.err.rpartition("steps: ")[2])
    counted = boxed.die(0, "handoff", "echo")
    out = int(counted.err.rpartition("steps: ")[2])
    boxed.end()
    boxed.ide()
    answers(boxed, "ide")
    assert back > 10 and out > 10
    for step in range(1, back + 1, STRIDE):
        boxed.die(step, "handoff", "echo", "--back")
        assert boxed.ask_inside() in ("ide", "box"), f"back, step {step}"
        boxed.dev("start", "--docker")  # any command that changes something puts it right
        assert boxed.placement() in ("ide", "docker") and boxed.placement() == boxed.owner(), f"back, step {step}"
        assert boxed.runs("echo-box") == (boxed.owner() == "docker"), f"back, step {step}"
        if boxed.owner() == "docker":
            answers(boxed, "box")
            boxed.dev("handoff", "echo")
            boxed.end()
            boxed.ide()
        answers(boxed, "ide")
    boxed.dev("handoff", "echo", "--back")
    for step in range(1, out + 1, STRIDE):
        boxed.die(step, "handoff", "echo")
        boxed.end()
        boxed.ide() if boxed.owner() == "ide" else None
        assert boxed.ask_inside() in ("ide", "box"), f"out, step {step}"
        boxed.dev("start", "--docker")
        assert boxed.placement() == boxed.owner(), f"out, step {step}"
        assert boxed.runs("echo-box") == (boxed.owner() == "docker"), f"out, step {step}"
        if boxed.owner() == "ide":
            boxed.end()
            boxed.ide()
            answers(boxed, "ide")
            boxed.dev("handoff", "echo", "--back")
        answers(boxed, "box")
