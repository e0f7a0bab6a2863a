"""G10: commands that are given at the same time leave a platform that the next start makes whole."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tests.promises.commands import World, compare
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Verdict
from tests.promises.small import small

ANSWERS = {0, 2, 3, 4, 64, 75}
"""Exit codes that a command may have beside others: 3 if another one stopped what it started, 75 for the lock."""
MIXED = ("start", "start web", "stop", "restart", "restart worker", "doctor --fix", "status", "doctor", "logs",
         "clean --force", "debug web", "debug --off web", "stop web")  # fmt: skip
EQUAL = {"start": {0}, "doctor --fix": {0}, "status": {2}, "doctor": {2}, "stop": {0}, "restart": {0},
         "clean --force": {0, 3}}  # fmt: skip
"""Commands given several times at once in a new checkout -> exit codes that are promised."""
COUNTS = (2, 3, 8)
DRAWN = 40


@dataclass(frozen=True)
class AtOnce:
    """The same command several times, and drawn mixtures of two to eight."""

    name: str = "G10"
    promised: str = (
        "Of two to eight commands at once none fails by itself, and a start then has each component run once"
    )
    category: Category = Category.SERVICE
    sample: int = 3
    seconds: float = 180.0

    def cases(self, seed: int) -> Sequence[Case]:
        drawn = random.Random(f"at once {seed}")
        cases = [Case(f"{count} x {argv}", (argv,) * count, count > 3) for argv in EQUAL for count in COUNTS]
        for number in range(DRAWN):
            some = tuple(drawn.choices(MIXED, k=drawn.randint(2, 8)))
            cases.append(Case(f"{seed}-{number} of {len(some)}", some, len(some) > 4))
        return cases

    def try_one(self, case: Case, place: Place) -> Verdict:
        it = small(place)
        if len(set(case.value)) > 1:
            place.dev("start")
        running = [place.checkout.popen(*argv.split()) for argv in case.value]
        wrong = []
        for argv, process in zip(case.value, running, strict=True):
            try:
                out, err = process.communicate(timeout=place.left)
            except subprocess.TimeoutExpired:
                return Broken(f"./dev {argv} does not end")
            allowed = EQUAL[argv] if len(set(case.value)) == 1 else ANSWERS
            if process.returncode not in allowed or "Traceback" in err or "itself failed" in err:
                wrong.append(f"./dev {argv} ended with {process.returncode}: {out}{err}")
        healed = place.dev("start")
        wrong += [f"the next start ended with {healed.code}: {healed.err}"] if healed.code else []
        wrong += compare(it, World(frozenset(it.components), True, None))
        wrong += [f"{name} runs {len(each)} times" for name, each in it.pids().items() if len(each) != 1]
        place.dev("stop")
        wrong += [f"left after stop: {each}" for each in place.processes()]
        return Broken("\n".join(wrong)) if wrong else Held()


PROMISE = AtOnce()
