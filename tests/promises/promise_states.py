"""G7: in every state of its own files the tool heals or refuses honestly. A state is one or two damaged paths."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.promises import oracle
from tests.promises.damage import DAMAGE, OF_FILES, DoesNotFit, undo
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Untried, Verdict
from tests.promises.specimen import Ran, Specimen, specimen

CODES = (0, 2, 3, 4, 5, 64, 65, 75)
"""Exit codes of ours; 1 is a bug."""
RUN = "checkout/.dev/instances/default/run"
PATHS = (
    "checkout/.dev/", "checkout/.dev/.gitignore", "checkout/.dev/instances/",
    "checkout/.dev/instances/default/", "checkout/.dev/instances/default/logs/",
    "checkout/.dev/instances/default/logs/one.log", "checkout/.dev/instances/default/logs/two.log", f"{RUN}/",
    *(f"{RUN}/{service}{file}" for service in ("one", "two")
      for file in ("/", "/lock", "/processes.json", "/served", "/spec.json", "/state.json")),
    "checkout/.dev/journal", "checkout/.dev/lock", "checkout/.dev/values", "checkout/conf/", "checkout/conf/app.ini",
    "checkout/conf/spool/", "home/.cache/", "home/.cache/dev/", "home/.cache/dev/desired/", "home/.cache/dev/desired/*",
    "home/.local/", "home/.local/state/", "home/.local/state/dev/", "home/.local/state/dev/trust/",
    "home/.local/state/dev/trust/*", "store/", "store/locks/", "store/locks/hello-1.0", "store/tools/",
    "store/tools/hello/", "store/tools/hello/1.0/", "store/tools/hello/1.0/.complete",
    "store/tools/hello/1.0/.programs", "store/tools/hello/1.0/bin/", "store/tools/hello/1.0/bin/ballast",
    "store/tools/hello/1.0/bin/hello",
)  # fmt: skip
"""Everything that is ours while the specimen runs, and a managed file and directory; a directory ends with a slash."""
WALKS: dict[str, tuple[str, ...]] = {
    "look": ("doctor", "status", "logs", "start", "stop"),
    "start": ("start", "status", "stop"),
    "fix": ("doctor --fix", "start", "stop"),
    "running, look": ("status", "doctor", "doctor --fix", "start", "stop"),
    "running, stop": ("stop", "start", "stop"),
    "running, restart": ("restart", "env one", "start", "stop"),
    "running, clean": ("stop", "clean --force", "start", "stop"),
}
"""The commands that follow; those of `running` after a start."""
LOOKS = ("doctor", "status", "logs", "env one")


@dataclass(frozen=True)
class State:
    """Which paths, relative to the specimen, are damaged how, and what follows."""

    damage: tuple[tuple[str, str], ...]
    walk: str

    def __str__(self) -> str:
        return f"{self.walk}; " + " and ".join(f"{path} {how}" for path, how in self.damage)


def states(seed: int, pairs: int) -> Iterator[State]:
    """Each path with each damage in a walk that the seed decides; then so many pairs of them."""
    choice = random.Random(seed)
    single = [(path, how) for path in PATHS for how in DAMAGE if how not in OF_FILES or not path.endswith("/")]
    yield from (State((each,), choice.choice(list(WALKS))) for each in single)
    drawn = {State(tuple(choice.sample(single, 2)), choice.choice(list(WALKS))): None for _ in range(2 * pairs)}
    yield from [each for each in drawn if each.damage[0][0] != each.damage[1][0]][:pairs]


@dataclass(frozen=True)
class States:
    name: str = "G7"
    promised: str = "In every state of its own files it heals within two rounds, or names path, reason and way out"
    category: Category = Category.CONDITION
    sample: int = 7
    seconds: float = 240.0
    uid: int = os.geteuid()
    pairs: int = 500

    def cases(self, seed: int) -> Sequence[Case]:
        return [Case(str(state), state) for state in states(seed, self.pairs)]

    def try_one(self, case: Case, place: Place) -> Verdict:
        if why := self.cannot():
            return Untried(why)
        made = specimen(self.uid)
        try:
            return judge(made, case.value)
        finally:
            made.reset()

    def cannot(self) -> str:
        return ""


def judge(made: Specimen, state: State) -> Verdict:
    """What became of the state."""
    made.reset()
    if state.walk.startswith("running") and (began := made.run("start")).code != 0:
        return Broken(f"the specimen does not start: {began}")
    damaged = list(_damaged(made, state))
    if not damaged:
        return Untried("the path is not there, or cannot be damaged so")
    bad: list[str] = []
    for words in WALKS[state.walk]:
        bad += [f"{words}: {each}" for each in _bad(made, made.run(*words.split()), damaged)]
    if not bad and not _heals(made, damaged, bad) and not bad:
        for path in reversed(damaged):
            undo(path, made.uid)
        if not _heals(made, damaged, bad) and not bad:
            bad.append("not healed after the way out that the messages name")
    if not bad:
        ran = made.run("stop")
        bad += [f"last stop: {each}" for each in _bad(made, ran, damaged)]
    return Broken("\n".join(bad)) if bad else Held()


def _damaged(made: Specimen, state: State) -> Iterator[Path]:
    """The paths that could be damaged so."""
    for name, how in state.damage:
        for path in [*made.live.glob(name)][:1] if name.endswith("*") else [made.live / name]:
            try:
                DAMAGE[how](path)
            except (DoesNotFit, OSError):
                continue
            yield path


def _heals(made: Specimen, damaged: list[Path], bad: list[str]) -> bool:
    """Whether two rounds lead to a platform that runs as declared; what is wrong about them is added to `bad`."""
    for _ in range(2):
        codes = []
        for words in ("doctor --fix", "start"):
            ran = made.run(*words.split())
            bad += [f"healing, {words}: {each}" for each in _bad(made, ran, damaged)]
            codes.append(ran.code)
            if "not trusted" in ran.text:
                made.run("trust")
        if codes == [0, 0]:
            return True
    return False


def _bad(made: Specimen, ran: Ran, damaged: list[Path]) -> list[str]:
    """What is bad about one command."""
    what, why = " ".join(ran.argv), ""
    if ran.code is None:
        why = "hangs"
    elif ran.code not in CODES or "itself failed" in ran.text or "Traceback" in ran.text:
        why = f"ends with {ran.code}"
    elif ran.code == 0:
        why = _untrue(made, what)
    elif not _honest(ran, damaged) and not (what in LOOKS and ran.code in (2, 3)):
        why = f"ends with {ran.code}, and does not name path, reason and way out"
    return [f"{why}\n{ran.text}"] if why else []


def _untrue(made: Specimen, what: str) -> str:
    """Why the exit code 0 of the command is not true; empty if it is."""
    if what in ("start", "restart") and (why := made.answers()):
        return f"ends with 0, but {why}"
    if what in ("start", "doctor --fix") and (why := made.wrong()):
        return f"ends with 0, but {why}"
    if what in ("stop", "clean --force") and (left := oracle.processes(made.live)):
        return f"ends with 0, but {left} live"
    return ""


def _honest(ran: Ran, damaged: list[Path]) -> bool:
    """Whether it names a damaged path or a directory above it, the reason and a way out."""
    if "not trusted" in ran.text:
        return "dev trust" in ran.text
    names = {each for path in damaged for each in _names(path)}
    return any(name in ran.text for name in names) and "because" in ran.text and "hint:" in ran.text


def _names(path: Path) -> Iterator[str]:
    """How a message may name it."""
    at = path.parts.index("live") + 2
    for end in range(at + 1, len(path.parts) + 1):
        yield str(Path(*path.parts[:end]))
        yield str(Path(*path.parts[at:end]))
    yield str(Path(*path.parts[:at]))


PROMISE = States()
