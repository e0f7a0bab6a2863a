"""`./dev logs --follow`: what comes while the kept lines are shown is shown once."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from converge.desired import Service
from converge.instance import Instance
from runtime import logs
from runtime.component import ServiceComponent


def test_a_line_that_comes_between_kept_and_followed_ones_is_shown_once(tmp_path: Path) -> None:
    component = ServiceComponent("talks", Service(kind="command"), Instance(tmp_path, "talkers"))
    component.log.parent.mkdir(parents=True)
    component.log.write_text("2026-01-01T00:00:00.000Z | before\n")
    mark = logs.mark([component])
    with component.log.open("a") as log:
        log.write("2999-01-01T00:00:00.000Z | meanwhile\n")
    assert [line.text for line in logs.kept([component], "", mark)] == ["before"]
    looks = iter([True, True, False])
    followed = chain.from_iterable(logs.follow([component], mark, lambda: next(looks)))
    assert [line.text for line in followed] == ["meanwhile"]
