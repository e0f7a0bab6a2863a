"""Bench (g): the share of small changes of the code that the tests notice, and each change that no test notices.

`.dev/venv-test/bin/python bench/mutants.py [--sample 200] [--seed 1] [--keep FILE] [--jobs 1] [--seconds 30] [--list]`:
what is committed is changed in a scratch worktree, and the nearest cheap tests run on each change. With `--keep`, the
same command continues an interrupted run. On Linux the tests of a change run in a process and a mount
namespace of their own: a wrong change can then end only its own processes, and not write to the store.

mutmut 3 and cosmic-ray were considered: the first needs one run of the whole suite and forks the tests inside one
process, the second has one test command for all modules; neither drops arguments, handlers or statements.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import json
import queue
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.mutations import changes
from bench.near import Imports, nearest
from bench.scratch import Scratch, git, isolation, scratch

PLACES = (
    "facts/*.py", "converge/**/*.py", "runtime/start/transition.py", "runtime/health/budget.py",
    "runtime/health/verdict.py", "runtime/health/lines.py", "runtime/health/reloaders.py", "runtime/logs/lines.py",
    "runtime/logs/times.py", "runtime/logs/structured.py", "runtime/placements/choice.py",
    "runtime/routes/owner_map.py",
    "runtime/provision/inputs.py", "runtime/services/*.py", "runtime/infra/*.py", "runtime/environment.py",
    "runtime/component.py", "runtime/platform.py",
)  # fmt: skip
"""What is changed: facts, convergence, and the parts of the runtime that decide rather than act."""
APART = ("runtime/services/guarded_debugpy.py", "runtime/services/guarded_inspector.py")
"""Programs that run inside of a real debugger: only tests of whole platforms reach them."""
MOST = 5
"""Test files for each change."""
GRACE = 60.0
"""Seconds that the tests of a change may take beyond three times what they take without one."""


@dataclass(frozen=True)
class Mutant:
    """A change of one module, by its number in the order of `changes`."""

    path: str
    number: int
    kind: str
    line: int
    before: str
    after: str
    source: str
    """Digest of the module's text: a result is valid only for the same text."""

    @property
    def key(self) -> str:
        return f"{self.path}:{self.number}:{self.source}"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before} -> {self.after}  ({self.kind})"


@dataclass(frozen=True)
class Result:
    """What the tests made of a mutant: noticed, survived, or not covered (no test reaches the changed statement)."""

    key: str
    verdict: str
    seconds: float
    by: str
    tests: list[str]
    tree: str
    """Git's name of the tests: what they did not notice is judged again when they change."""


@dataclass
class Kept:
    """Results of mutants and the unchanged runs of test files, in memory and in a file of JSON lines."""

    file: Path | None
    tree: str
    limit: float
    """Seconds that the tests of one mutant may take when nothing is changed; a slower file is not used."""
    results: dict[str, Result] = field(default_factory=dict)
    baselines: dict[str, float | None] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def load(self) -> None:
        for line in self.file.read_text().splitlines() if self.file and self.file.exists() else ():
            with contextlib.suppress(ValueError):  # a line that an interrupted run did not finish
                row = json.loads(line)
                if "key" in row and (row["tree"] == self.tree or row["verdict"] == "noticed"):
                    self.results[row["key"]] = Result(**row)
                elif "test" in row and row["tree"] == self.tree:
                    if row["seconds"] is None and row["limit"] < self.limit:
                        continue  # it may be fast enough now
                    self.baselines[row["test"]] = row["seconds"]

    def add(self, row: dict[str, object]) -> None:
        if self.file:
            with self.lock, self.file.open("a") as out:
                out.write(json.dumps(row) + "\n")


def mutants(tree: Path) -> list[Mutant]:
    """All mutants of the places, in a fixed order."""
    found = []
    for path in sorted({path for place in PLACES for path in tree.glob(place)}):
        if str(path.relative_to(tree)) in APART:
            continue
        text = path.read_text("utf-8")
        source = hashlib.sha256(text.encode()).hexdigest()[:12]
        for number, one in enumerate(changes(ast.parse(text))):
            place = str(path.relative_to(tree))
            found.append(Mutant(place, number, one.kind, one.line, one.before, one.after, source))
    return found


def drawn(everything: Sequence[Mutant], seed: int) -> list[Mutant]:
    """In an order by chance that depends on each mutant alone: another version of the code has much the same sample."""
    seen: Counter[str] = Counter()
    order = []
    for mutant in everything:
        text = f"{mutant.path} {mutant.kind} {mutant.before} {mutant.after}"
        seen[text] += 1
        order.append((hashlib.sha256(f"{seed} {text} {seen[text]}".encode()).digest(), mutant))
    return [mutant for _, mutant in sorted(order, key=lambda each: each[0])]


def chosen(module: str, imports: Imports, place: Scratch, kept: Kept, workers: int) -> dict[str, float]:
    """The nearest files that pass unchanged in time, with their seconds; each file is tried once in a run."""
    found: dict[str, float] = {}
    for test in nearest(module, imports)[: 2 * MOST]:
        with kept.lock:
            if test not in kept.baselines:
                began = time.monotonic()
                code, why = place.run([test], kept.limit, workers)
                seconds = round(time.monotonic() - began, 1) if code == 0 else None
                kept.baselines[test] = seconds
                why = "time limit" if code is None else why
                kept.add({"test": test, "seconds": seconds, "limit": kept.limit, "why": why, "tree": kept.tree})
                place.restore()
        seconds = kept.baselines[test]
        if seconds is not None and sum(found.values()) + seconds <= kept.limit:
            found[test] = seconds
        if len(found) == MOST:
            break
    return found


def judge(mutant: Mutant, tests: dict[str, float], place: Scratch, tree: str, workers: int) -> Result:
    """Apply it, run the tests, and restore the scratch tree."""
    if not tests:
        return Result(mutant.key, "not covered", 0.0, "no cheap test", [], tree)
    mark = place.path.parent / "reached"
    mark.unlink(missing_ok=True)
    began = time.monotonic()
    try:
        place.mutate(mutant.path, mutant.number, mark)
        code, by = place.run(list(tests), GRACE + 3 * sum(tests.values()), workers)
    finally:
        place.restore()
    if code is None:
        verdict, by = "noticed", "time limit"
    elif code in (0, 5):  # 5: no test was collected
        verdict = "survived" if mark.exists() else "not covered"
    else:
        verdict = "noticed"
    return Result(mutant.key, verdict, round(time.monotonic() - began, 1), by, list(tests), tree)


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The interval that holds a share with 95 %; https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval."""
    if not whole:
        return 0.0, 1.0
    z, share = 1.96, part / whole
    middle, width = share + z * z / (2 * whole), z * (share * (1 - share) / whole + z * z / (4 * whole**2)) ** 0.5
    return (middle - width) / (1 + z * z / whole), (middle + width) / (1 + z * z / whole)


def report(sample: Sequence[Mutant], results: dict[str, Result]) -> None:
    """Print the tables, then each mutant that no test noticed."""
    done = [(mutant, results[mutant.key]) for mutant in sample if mutant.key in results]
    verdicts = ("noticed", "survived", "not covered")
    print("| place | mutants | noticed | survived | not covered |\n|---|---:|---:|---:|---:|")
    for place in (*sorted({place_of(mutant) for mutant, _ in done}), "all"):
        rows = [result.verdict for mutant, result in done if place in ("all", place_of(mutant))]
        print(f"| {place} | {len(rows)} | " + " | ".join(str(rows.count(verdict)) for verdict in verdicts) + " |")
    noticed = sum(result.verdict == "noticed" for _, result in done)
    reached = sum(result.verdict != "not covered" for _, result in done)
    for what, whole in (("all", len(done)), ("those that a test reaches", reached)):
        low, high = wilson(noticed, whole)
        print(f"score of {what}: {noticed}/{whole} = {noticed / max(whole, 1):.1%} (95 %: {low:.1%} to {high:.1%})")
    spent = sum(result.seconds for _, result in done)
    print(f"{spent / max(len(done), 1):.1f} s for each mutant, without the unchanged runs")
    for verdict in verdicts[1:]:
        print(f"\n{verdict}:")
        for mutant in sorted((m for m, r in done if r.verdict == verdict), key=lambda each: (each.path, each.line)):
            print(f"{mutant}")


def place_of(mutant: Mutant) -> str:
    room, _, rest = mutant.path.partition("/")
    return f"{room}/{rest.partition('/')[0]}" if room == "runtime" and "/" in rest else room


def run(sample: Sequence[Mutant], kept: Kept, jobs: int) -> None:
    """Judge what has no result yet, each job in a scratch tree of its own."""
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(scratch(number)) for number in range(jobs)]
        free: queue.Queue[Scratch] = queue.Queue()
        for place in places:
            free.put(place)
        imports = Imports()
        imports.read(places[0].path)

        def one(mutant: Mutant) -> tuple[Mutant, Result]:
            place = free.get()
            try:
                return mutant, judge(mutant, chosen(mutant.path, imports, place, kept, jobs), place, kept.tree, jobs)
            finally:
                free.put(place)

        pool = ThreadPoolExecutor(jobs)
        stack.callback(pool.shutdown)
        for place in places:
            stack.callback(place.end)
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        for future in as_completed([pool.submit(one, mutant) for mutant in sample if mutant.key not in kept.results]):
            mutant, result = future.result()
            kept.results[mutant.key] = result
            kept.add(asdict(result))
            print(f"{len(kept.results)} {result.verdict} in {result.seconds} s: {mutant} {result.by}", file=sys.stderr)


def main(argv: Sequence[str]) -> None:
    """Draw the sample, judge it, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=200, help="number of mutants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="file of results, so that an interrupted run continues")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at the same time")
    parser.add_argument("--seconds", type=float, default=30, help="what the tests of one mutant take, unchanged")
    parser.add_argument("--list", action="store_true", help="print the sample and its tests, run nothing")
    asked = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the scratch tree is removed then too
    with scratch(0) as place:
        everything, imports = mutants(place.path), Imports()
        imports.read(place.path)
    sample = drawn(everything, asked.seed)[: asked.sample]
    print(f"{len(sample)} of {len(everything)} mutants, seed {asked.seed}", file=sys.stderr)
    if asked.list:
        for mutant in sample:
            print(f"{mutant}  {' '.join(nearest(mutant.path, imports)[:MOST])}")
        return
    if not isolation():
        print("warning: no namespaces here; a mutant can end your processes and write to the store", file=sys.stderr)
    kept = Kept(asked.keep, git("rev-parse", "HEAD:tests").strip(), asked.seconds)
    kept.load()
    try:
        run(sample, kept, asked.jobs)
    except KeyboardInterrupt:
        print("interrupted" + (": the same command continues" if asked.keep else ""), file=sys.stderr)
    report(sample, kept.results)


if __name__ == "__main__":
    main(sys.argv[1:])
