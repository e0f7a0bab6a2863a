"""Trying cases: one by one, and a sample that is the same for the same seed."""

from __future__ import annotations

import hashlib
import re
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.promises.place import opened
from tests.promises.promise import Broken, Case, Held, Promise, Untried, Verdict

Word = Literal["held", "broken", "untried"]
WORDS: dict[type[Verdict], Word] = {Held: "held", Broken: "broken", Untried: "untried"}


@dataclass(frozen=True)
class Result:
    """What became of a case."""

    promise: str
    case: str
    verdict: Word
    why: str = ""
    seconds: float = 0.0


def attempt(promise: Promise, case: Case, base: Path, patience: float = 1.0) -> Result:
    """Try a case in a new directory below `base`; an exception is a broken promise, too.

    It may take `patience` times the seconds of the promise or of the case.
    """
    began, seconds = time.monotonic(), patience * max(promise.seconds, case.seconds)
    verdict: Verdict
    try:
        with opened(base / f"{promise.name}-{re.sub('[^A-Za-z0-9]+', '-', case.id)[:40]}", seconds) as place:
            verdict = promise.try_one(case, place)
            if time.monotonic() > place.until:
                verdict = Broken(f"it took longer than {seconds:.0f} s")
    except Exception as problem:
        words = traceback.format_exc() if not isinstance(problem, AssertionError) else str(problem)
        verdict = Broken(words)
    why = {Broken: "why", Untried: "because"}.get(type(verdict), "")
    text = getattr(verdict, why) if why else ""
    return Result(promise.name, case.id, WORDS[type(verdict)], text, round(time.monotonic() - began, 2))


def sample(promise: Promise, seed: int) -> Sequence[Case]:
    """`promise.sample` of its cases: those whose ids come first in an order that the seed alone decides."""
    quick = [case for case in promise.cases(seed) if not case.slow]
    ordered = sorted(quick, key=lambda case: hashlib.sha256(f"{seed} {case.id}".encode()).digest())
    return ordered[: promise.sample]
