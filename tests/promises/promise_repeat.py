"""G1: a command that changes something, given twice, changes nothing the second time, and says so.

`restart` and `debug NAME` are not among them: both are for starting a service again, with its edits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.promises import oracle
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Untried, Verdict
from tests.promises.small import NO_REDIS, small

START, FIX, STOP = ("start",), ("doctor", "--fix"), ("stop",)
CASES: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[str, ...], bool]] = {
    "start": ((), START, False),
    "start web": ((), ("start", "web"), False),
    "start --no-fix": ((FIX,), ("start", "--no-fix"), False),
    "start after stop": ((START, STOP), START, False),
    "start with Redis": ((), START, True),
    "doctor --fix": ((), FIX, False),
    "doctor --fix while it runs": ((START,), FIX, False),
    "stop": ((START,), STOP, False),
    "stop web": ((START,), ("stop", "web"), False),
    "stop with Redis": ((START,), STOP, True),
    "debug --off web": ((START, ("debug", "web")), ("debug", "--off", "web"), False),
    "clean --force": ((START,), ("clean", "--force"), False),
    "clean --force with Redis": ((START,), ("clean", "--force"), True),
}
"""Case -> what goes before it, the command, and whether there is Redis."""
NOTES = (".git/", "/cache", "cache/", "/logs", "journal", "/lock", ".lock")
"""Parts of paths at which the tool may note that it looked, or that it was called."""


@dataclass(frozen=True)
class Repeat:
    name: str = "G1"
    promised: str = "The second of two equal commands changes no file and no process, and says that nothing was to do"
    category: Category = Category.IDEMPOTENCY
    sample: int = 3
    seconds: float = 60.0

    def cases(self, seed: int) -> Sequence[Case]:
        return [Case(name) for name in CASES]

    def try_one(self, case: Case, place: Place) -> Verdict:
        before, argv, redis = CASES[case.id]
        if redis and NO_REDIS:
            return Untried(NO_REDIS)
        small(place, redis)
        for each in (*before, argv):
            if (ran := place.dev(*each)).code:
                return Broken(f"./dev {' '.join(each)} ended with {ran.code}: {ran.err}")
        files, living = place.tree(), place.processes()
        again = place.dev(*argv)
        wrong = [f"it ended with {again.code}: {again.err}"] if again.code else []
        changed = oracle.differences(files, place.tree())
        wrong += [line for line in changed if not any(note in line for note in NOTES)]
        wrong += [f"process {each}" for each in living ^ place.processes()]
        return Broken("\n".join(wrong)) if wrong else Held()


PROMISE = Repeat()
