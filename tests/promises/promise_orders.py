"""G3: in any order of commands, each leaves behind what it promises."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.promises.commands import ALL, CHANGES, World, step
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Untried, Verdict
from tests.promises.small import NO_REDIS, small

ORDERS, LENGTH = 60, 8
"""Orders that are drawn, and commands of each."""


@dataclass(frozen=True)
class Orders:
    """Every second order has Redis, too."""

    name: str = "G3"
    promised: str = "In any order of commands, each leaves what runs and what is made as it promises"
    category: Category = Category.DEPENDENCY
    sample: int = 2
    seconds: float = 240.0

    def cases(self, seed: int) -> Sequence[Case]:
        drawn = random.Random(f"orders {seed}")
        names = [*CHANGES, *CHANGES, *ALL]  # most change something
        return [Case(f"{seed}-{number}", tuple(drawn.choices(names, k=LENGTH))) for number in range(ORDERS)]

    def try_one(self, case: Case, place: Place) -> Verdict:
        redis = case.id.endswith(tuple("02468"))
        if redis and NO_REDIS:
            return Untried(NO_REDIS)
        it, world = small(place, redis), World()
        for at, name in enumerate(case.value, 1):
            world, wrong = step(it, world, name)
            if wrong:
                return Broken(f"after {', '.join(case.value[:at])}: " + "\n".join(wrong))
        return Held()


PROMISE = Orders()
