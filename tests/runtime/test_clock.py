"""The clock is set, forward or back, while something runs: its age and its readiness do not change."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import pytest

from converge import schema
from converge.desired import Service
from converge.instance import Instance
from facts import processes
from runtime import health, status
from runtime.component import ServiceComponent
from runtime.placements.seen import Seen
from runtime.platform import Platform
from tests.conftest import HEAD

DAY = 86400.0
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells by another clock")


@linux
@pytest.mark.parametrize("step", [-400 * DAY, -DAY, -3600.0, 3600.0, DAY])
def test_the_age_of_a_process_is_not_by_the_clock(step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    before = processes.age(os.getpid())
    seen = Seen("native", True, "running", pid=os.getpid(), began=time.time() - (before or 0))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + step)
    assert before is not None and seen.age is not None and 0 <= seen.age - before < 60


@pytest.mark.parametrize("step", [-DAY, -5.0])
def test_a_containers_age_is_not_known_after_the_clock_was_set_back(
    step: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = Seen("docker", True, "running", pid=os.getpid(), began=time.time())
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + step)
    assert seen.age is None
    worker = ServiceComponent("w", Service(kind="command", dev="x"), Instance(tmp_path, "x"))
    platform = Platform(schema.parse((HEAD + "[services.w]\nkind = 'command'\ndev = 'x'\n").encode()), worker.instance)
    assert health.judge(platform, worker, seen).state == "ready", "it would be starting for a day"
    assert status.judge(worker, seen).uptime_s == 0.0


def test_what_has_no_process_has_no_age() -> None:
    assert Seen("native").age is None and processes.age(1 << 30) is None
    assert not math.isnan(Seen("native", began=time.time()).age or 0.0)
