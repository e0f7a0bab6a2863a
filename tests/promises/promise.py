"""What a promise of the tool is here: cases that try it, and a verdict for each that does not ask the tool itself."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from tests.promises.place import Place

HERE = Path(__file__).parent


class Category(StrEnum):
    """Kinds of defects of programs that reconcile a state with a desired one, in the order of the table."""

    INVENTORY = "inventory"
    CONDITION = "conditions"
    DATA = "configuration data"
    DEPENDENCY = "dependencies"
    IDEMPOTENCY = "idempotency"
    SERVICE = "services"
    SECURITY = "security"
    DOCUMENTATION = "what is said"


@dataclass(frozen=True)
class Case:
    """One trial. The id is the same in every run and fit for a test id; `value` is for the promise alone."""

    id: str
    value: Any = None
    slow: bool = False
    """Not for the sample of each test run: it takes too long, or there may be nothing to try."""
    seconds: float = 0.0
    """What it may take, where that is more than the promise's seconds."""


@dataclass(frozen=True)
class Held:
    """The promise held."""


@dataclass(frozen=True)
class Broken:
    """It did not: what was promised and what was seen instead."""

    why: str


@dataclass(frozen=True)
class Untried:
    """The case cannot be tried on this machine; it counts neither as tried nor as held."""

    because: str


Verdict = Held | Broken | Untried


class Promise(Protocol):
    """A module `promise_NAME.py` has one as `PROMISE`."""

    name: str
    """Its number in the table: `G3`."""
    promised: str
    """One sentence, without a full stop at its end."""
    category: Category
    sample: int
    """Cases of it that every run of the tests tries."""
    seconds: float
    """What one case may take on a busy machine; a case that takes longer is broken."""

    def cases(self, seed: int) -> Sequence[Case]:
        """All cases; those that are drawn at random are the same for the same seed."""
        ...

    def try_one(self, case: Case, place: Place) -> Verdict:
        """Try it in an empty place, which is cleaned by the caller. An exception is a broken case, too."""
        ...


def modules() -> list[str]:
    """Names of the modules that hold a promise."""
    return sorted(path.stem for path in HERE.glob("promise_*.py"))


def load() -> dict[str, Promise]:
    """Every promise, by its name, in the order of categories and names."""
    found: list[Promise] = [importlib.import_module(f"tests.promises.{name}").PROMISE for name in modules()]
    found.sort(key=lambda each: (list(Category).index(each.category), *natural(each.name)))
    names = [each.name for each in found]
    assert len(set(names)) == len(names), f"two promises of one name: {names}"
    return {each.name: each for each in found}


def natural(name: str) -> tuple[int, str]:
    """G2 before G10, and names without a number last."""
    return int("".join(filter(str.isdigit, name)) or 99), name
