"""A slow look that hangs costs its own fact alone."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from facts.local import LocalReader
from facts.probe import Probe, observe, render, split
from facts.value import Unknown

PROBES = [
    Probe("hangs", "echo half; sleep 60", str, slow=True),
    Probe("answers", "echo here; exit 3", str.strip, slow=True),
    Probe("fast", "echo there", str.strip),
]


def test_a_slow_look_that_hangs_hides_no_other_slow_one() -> None:
    seen = observe(PROBES, LocalReader(), deadline=4)
    assert seen["answers"] == "here" and seen["fast"] == "there"
    assert isinstance(seen["hangs"], Unknown)


@pytest.mark.parametrize("shell", [["dash"], ["bash"], ["busybox", "sh"]], ids=lambda argv: argv[0])
def test_every_sh_ends_what_hangs(shell: list[str]) -> None:
    if not shutil.which(shell[0]):
        pytest.skip(f"no {shell[0]}")
    script = render(PROBES, "n0", deadline=2)
    said = subprocess.run([*shell, "-s"], input=script, capture_output=True, text=True, timeout=30).stdout
    assert {index: text.strip() for index, text in split(said, "n0").items()} == {1: "here", 2: "there"}
