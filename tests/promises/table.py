"""The table of docs/promises.md: a row for each promise, by categories, with the run that its numbers are from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import TOOL
from tests.promises.keep import Keep, date, machine
from tests.promises.promise import Category, Promise, natural

PAGE = TOOL / "docs/promises.md"
BENCHMARKS = TOOL / "docs/benchmarks.md"
BEGIN, END = "<!-- written by python -m tests.promises --all --write -->", "<!-- end -->"
HEAD = (
    "| category | promise | what is promised | cases | tried | held | run | file |",
    "|---|---|---|---:|---:|---:|---|---|",
)


@dataclass(frozen=True)
class Row:
    """What a run found of one promise."""

    category: str
    name: str
    promised: str
    cases: int
    """How many there are; fewer are tried if a run was interrupted, or if this machine cannot try them."""
    tried: int
    held: int
    run: str
    file: str

    def __str__(self) -> str:
        return (
            f"| {self.category} | {self.name} | {self.promised} | {self.cases} | {self.tried} | {self.held} "
            f"| {self.run} | `{self.file}` |"
        )


def rows(promises: Mapping[str, Promise], keep: Keep) -> list[Row]:
    """One for each promise, from the results that are kept."""
    run = f"{date()}, {keep.commit}, seed {keep.seed}, {machine()}"
    made = []
    for name, each in promises.items():
        verdicts = [result.verdict for (promise, _), result in keep.results.items() if promise == name]
        tried = len(verdicts) - verdicts.count("untried")
        made.append(
            Row(
                each.category,
                name,
                each.promised,
                len(each.cases(keep.seed)),
                tried,
                verdicts.count("held"),
                run,
                file_of(each),
            )
        )
    return made


def elsewhere() -> Row:
    """G12, tried by a bench of its own: the last figures that docs/benchmarks.md has of it."""
    found = re.findall(
        r"^\| (\d{4}-\d\d-\d\d) \| (\d+) \| (\d+) \| (\d+) \|", BENCHMARKS.read_text("utf-8"), re.MULTILINE
    )
    day, *counts = found[-1]
    noticed, all_ = int(counts[0]), sum(map(int, counts))
    return Row(
        Category.CONDITION, "G12", "Tests notice a small change of the code", all_, all_, noticed,
        f"{day}, docs/benchmarks.md", "bench/mutants.py",
    )  # fmt: skip


def file_of(promise: Promise) -> str:
    """Its module, relative to the repository."""
    module = type(promise).__module__
    return f"{module.replace('.', '/')}.py"


def summary(rows: Sequence[Row]) -> list[str]:
    """Tried and held, for a terminal."""
    return [f"{row.name}: tried {row.tried}, held {row.held}: {row.promised}" for row in rows]


def write(rows: Sequence[Row], page: Path = PAGE) -> None:
    """Replace the rows of these promises and keep those of others, in the order of `promise.load`."""
    text = page.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = {name_of(line): line for line in written(text)} | {row.name: str(row) for row in (*rows, elsewhere())}
    body = "\n".join((*HEAD, *sorted(lines.values(), key=_order)))
    page.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", "utf-8")


def written(text: str) -> list[str]:
    """Rows of the table in the page."""
    body = text.partition(BEGIN)[2].partition(END)[0]
    return [line for line in body.splitlines() if line.startswith("| ") and line not in HEAD]


def name_of(line: str) -> str:
    """The promise of a row."""
    return cells(line)[1]


def cells(line: str) -> list[str]:
    """What is between the bars of a row."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _order(line: str) -> tuple[int, int, str]:
    category, name = cells(line)[:2]
    return (list(Category).index(Category(category)), *natural(name))
