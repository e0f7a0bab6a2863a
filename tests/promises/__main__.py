"""`python -m tests.promises --all`: try every case of the promises, print tried and held, write docs/promises.md.

The Python is that of the tests (`.dev/venv-test/bin/python`, made by `./dev test`). With `--json FILE` each result is
kept as a line of the file, and the same command continues an interrupted run.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.promises import jobs, promise, table, trial
from tests.promises.keep import Keep


def main() -> int:
    """0 if every tried promise held in every case."""
    asked = _arguments()
    promises = promise.load()
    if unknown := [name for name in asked.only if name not in promises]:
        sys.exit(f"no promise {', '.join(unknown)}; there are {', '.join(promises)}")
    if asked.worker:
        return jobs.work(Path(asked.worker), promises, asked.seed)
    chosen = {name: each for name, each in promises.items() if name in (asked.only or promises)}
    if asked.list:
        for each in chosen.values():
            print(f"{each.name}: {each.promised}; {len(each.cases(asked.seed))} cases, {each.sample} in each test run")
        return 0
    cases = {
        name: each.cases(asked.seed) if asked.all else trial.sample(each, asked.seed) for name, each in chosen.items()
    }
    if asked.case:
        cases = {name: [case for case in some if asked.case in case.id] for name, some in cases.items()}
    keep = Keep.of(Path(asked.json) if asked.json else None, asked.seed)
    jobs.run(chosen, cases, keep, asked.jobs, asked.seed)
    rows = table.rows(chosen, keep)
    print("\n".join(table.summary(rows)))
    if asked.write:
        assert asked.all and not asked.case, "--write is for --all: the table has whole runs only"
        table.write([row for row in rows if row.tried])
    return 0 if all(row.held == row.tried for row in rows) else 3


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.promises", description=__doc__)
    add = parser.add_argument
    add("--all", action="store_true", help="every case, not only the sample of the tests")
    add("--seed", type=int, default=1, help="decides what is drawn at random")
    add("--only", action="append", default=[], metavar="NAME", help="only this promise: G3; may be repeated")
    add("--case", default="", metavar="TEXT", help="only cases whose id contains it")
    add("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="cases at the same time; 0 tries none")
    add("--json", metavar="FILE", help="keep the results, one JSON object a line")
    add("--list", action="store_true", help="only show the promises and how many cases each has")
    add("--write", action="store_true", help="write the rows of what was tried into docs/promises.md")
    add("--worker", metavar="DIR", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
