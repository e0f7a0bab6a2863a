"""G11: looking, a hundred times, changes nothing: no answer, no file, no process, no open descriptor."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.promises import oracle
from tests.promises.commands import unchanged
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Verdict
from tests.promises.small import small

LOOKS = ("status", "status --json", "doctor", "doctor --json", "logs", "logs --json", "facts", "facts --json",
         "env web", "secrets list", "handoff --status", "data list", "reference commands", "schema")  # fmt: skip
TIMES = re.compile(
    r"\d+(\.\d+)? (ms|s|min|h|d)\b|\d+(\.\d+)? [KMG]iB"
    r"|\b(duration_ms|uptime_s|machine\.clock|machine\.disk_free)\W+[\d.]+"
)
"""What may differ between two looks: how long something took or has run, and what is free on the machine."""


@dataclass(frozen=True)
class Quiet:
    """Each look a hundred times on a platform that runs and is whole, and all of them twice."""

    name: str = "G11"
    promised: str = "A hundred looks have one answer, write nothing, and leave no process and no open descriptor"
    category: Category = Category.INVENTORY
    sample: int = 1
    seconds: float = 400.0

    def cases(self, seed: int) -> Sequence[Case]:
        each = [Case(f"100 x {look}", (look,) * 100, slow=True) for look in LOOKS]
        return [Case("each again", LOOKS), *each]

    def try_one(self, case: Case, place: Place) -> Verdict:
        it = small(place)
        place.dev("start")
        said = {look: self._look(place, look) for look in dict.fromkeys(case.value)}  # it may fill its cache
        files, living, open_ = place.tree(), place.processes(), self._descriptors(place)
        for look in case.value:
            if (now := self._look(place, look)) != said[look]:
                return Broken(f"./dev {look} said first\n{said[look]}\nand then\n{now}")
        wrong = oracle.differences(files, place.tree()) if len(case.value) == 100 else unchanged(files, place.tree())
        wrong += [f"process {each}" for each in living ^ place.processes()]
        after = self._descriptors(place)
        wrong += [f"{pid} has {after.get(pid)} descriptors, had {count}" for pid, count in open_.items()
                  if after.get(pid, 0) > count]  # fmt: skip
        wrong += it.down()
        return Broken("\n".join(wrong)) if wrong else Held()

    def _look(self, place: Place, look: str) -> str:
        ran = place.dev(*look.split())
        return TIMES.sub("TIME", f"{ran.code}\n{ran.out}\n{ran.err}")

    def _descriptors(self, place: Place) -> dict[int, int]:
        return {each.pid: len(os.listdir(f"/proc/{each.pid}/fd")) for each in place.processes()}


PROMISE = Quiet()
