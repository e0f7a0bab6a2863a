"""G7: in every state of its own files the tool heals or refuses honestly. `python -m tests.promises.states COUNT SEED`.

A state is one or two damaged paths, on a platform that runs or is stopped. Commands are run on it, and what they say
is compared with what is seen from outside.
"""

from __future__ import annotations

import os
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.promises.damage import DAMAGE, DoesNotFit, undo
from tests.promises.specimen import Ran, Specimen

CODES = (0, 2, 3, 4, 5, 64, 65, 75)
"""Exit codes of ours; 1 is a bug."""
WALKS: dict[str, tuple[str, ...]] = {
    "look": ("doctor", "status", "logs", "start", "stop"),
    "start": ("start", "status", "stop"),
    "fix": ("doctor --fix", "start", "stop"),
    "running: look": ("status", "doctor", "doctor --fix", "start", "stop"),
    "running: stop": ("stop", "start", "stop"),
    "running: restart": ("restart", "env one", "start", "stop"),
    "running: clean": ("stop", "clean --force", "start", "stop"),
}
"""The commands that follow; `running` ones after a start."""


@dataclass(frozen=True)
class State:
    """One state: which paths, relative to `live`, are damaged how, and what follows."""

    damage: tuple[tuple[str, str], ...]
    walk: str

    def __str__(self) -> str:
        return f"{self.walk}; " + ", ".join(f"{path} {how}" for path, how in self.damage)


def paths(specimen: Specimen) -> list[str]:
    """Everything that is ours while the platform runs, relative to `live`."""
    specimen.reset()
    assert specimen.run("start").code == 0
    live = specimen.base / "live"
    roots = [live / each for each in ("checkout/.dev", "checkout/conf", "home", "store")]
    found = {str(path.relative_to(live)) for root in roots for path in (root, *root.rglob("*"))}
    specimen.reset()
    return sorted(found - {"home"})


def states(among: list[str], seed: int) -> Iterator[State]:
    """Without end: all single damages in a random order first, then pairs of them."""
    choice = random.Random(seed)
    single = [(path, how) for path in among for how in DAMAGE]
    choice.shuffle(single)
    for each in single:
        yield State((each,), choice.choice(list(WALKS)))
    while True:
        first, second = choice.sample(single, 2)
        yield State((first, second), choice.choice(list(WALKS)))


def judge(specimen: Specimen, state: State) -> list[str] | None:
    """What is bad about what became of it; None if the state cannot be made."""
    specimen.reset()
    if state.walk.startswith("running") and (began := specimen.run("start")).code != 0:
        return [f"the pristine platform does not start: {began}"]
    damaged = []
    for name, how in state.damage:
        path = specimen.base / "live" / name
        try:
            DAMAGE[how](path)
        except (DoesNotFit, OSError):
            continue
        damaged.append(path)
    if not damaged:
        return None
    bad: list[str] = []
    for words in WALKS[state.walk]:
        bad += [f"{words}: {each}" for each in _sound(specimen, specimen.run(*words.split()), damaged)]
    if not bad and not _healed(specimen, damaged, bad) and not bad:
        for path in reversed(damaged):
            undo(path, specimen.uid)
        again: list[str] = []
        if not _healed(specimen, damaged, again):
            bad += [f"after the way out: {each}" for each in again or ["not healed"]]
    if not bad:
        ran = specimen.run("stop")
        bad += [f"last stop: {each}" for each in _sound(specimen, ran, damaged)]
        if ran.code != 0 and not again_needed(ran):
            bad.append(f"last stop: {ran.code}\n{ran.text}")
    return bad


def again_needed(ran: Ran) -> bool:
    return False


def _healed(specimen: Specimen, damaged: list[Path], bad: list[str]) -> bool:
    """Whether two rounds lead to a platform that runs as declared; what is wrong about them is added to `bad`."""
    for _ in range(2):
        codes = []
        for words in ("doctor --fix", "start"):
            ran = specimen.run(*words.split())
            bad += [f"healing, {words}: {each}" for each in _sound(specimen, ran, damaged)]
            codes.append(ran.code)
        if codes == [0, 0]:
            return True
        if "not trusted" in ran.text:
            specimen.run("trust")
    return False


def _sound(specimen: Specimen, ran: Ran, damaged: list[Path]) -> list[str]:
    """What is bad about one command."""
    if ran.code is None:
        return [f"hangs\n{ran.text}"]
    if ran.code not in CODES or "itself failed" in ran.text or "Traceback" in ran.text:
        return [f"exit {ran.code}\n{ran.text}"]
    what = " ".join(ran.argv)
    if ran.code == 0:
        found = []
        if what in ("start", "restart") and (why := specimen.answers()):
            found.append(f"exit 0, but {why}\n{ran.text}")
        if what in ("start", "doctor --fix") and (why := specimen.wrong()):
            found.append(f"exit 0, but {why}\n{ran.text}")
        if what in ("stop", "clean --force") and (left := specimen.processes()):
            found.append(f"exit 0, but {len(left)} processes live\n{ran.text}")
        return found
    if what in ("doctor", "status", "logs", "env one") and ran.code in (2, 3):
        return []
    return [] if _honest(ran, damaged) else [f"exit {ran.code}, which is no honest refusal\n{ran.text}"]


def _honest(ran: Ran, damaged: list[Path]) -> bool:
    """Whether it names a damaged path or a directory above it, the reason and a way out."""
    if "not trusted" in ran.text:
        return "dev trust" in ran.text
    names = {str(each) for path in damaged for each in (path, *list(path.parents)[: len(path.parts) - path.parts.index("live") - 3])}
    names |= {name.partition("/live/checkout/")[2] or name for name in names}
    named = any(name in ran.text for name in names if name)
    return named and "because" in ran.text and bool(re.search(r"hint|^ +(try|see|fix) ", ran.text, re.MULTILINE) or "move it away" in ran.text)


def main(count: int, seed: int, uid: int, base: Path, port: int) -> int:
    specimen = Specimen(base, port, uid)
    specimen.make()
    held = tried = 0
    began = time.monotonic()
    for state in states(paths(specimen), seed):
        if tried >= count:
            break
        bad = judge(specimen, state)
        if bad is None:
            continue
        tried += 1
        held += not bad
        if bad:
            print(f"BAD {state}", *("    " + each.strip().replace("\n", "\n      | ") for each in bad), sep="\n", flush=True)
    specimen.reset()
    print(f"uid {uid}: tried {tried}, held {held} ({time.monotonic() - began:.0f} s)", flush=True)
    return int(held != tried)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5])))
