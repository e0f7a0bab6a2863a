"""G2: after any two commands in a row, everything that both promise is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.promises.commands import ALL, CHANGES, World, step
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Verdict
from tests.promises.small import small


@dataclass(frozen=True)
class Pairs:
    """The first command changes something in a new checkout; the second is any."""

    name: str = "G2"
    promised: str = "After two commands in a row, what runs, what is made and what is said are as both promise"
    category: Category = Category.CONDITION
    sample: int = 4
    seconds: float = 90.0

    def cases(self, seed: int) -> Sequence[Case]:
        return [Case(f"{first}, {second}", (first, second)) for first in CHANGES for second in ALL]

    def try_one(self, case: Case, place: Place) -> Verdict:
        it, world = small(place), World()
        for name in case.value:
            world, wrong = step(it, world, name)
            if wrong:
                return Broken(f"after {name}: " + "\n".join(wrong))
        return Held()


PROMISE = Pairs()
