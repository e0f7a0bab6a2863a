"""The table of docs/promises.md has the shape that the command writes, and names the promises that there are."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import TOOL
from tests.promises import promise, table
from tests.promises.keep import Keep
from tests.promises.trial import Result

PROMISES = promise.load()
TEXT = table.PAGE.read_text("utf-8")
ELSEWHERE = table.elsewhere()
"""A promise whose cases are tried by a program of its own."""


def test_every_row_is_of_a_promise_and_its_file() -> None:
    for row in map(table.cells, table.written(TEXT)):
        category, name, promised, _, tried, held, run, file = row
        assert (TOOL / file.strip("`")).is_file()
        if name == ELSEWHERE.name:
            assert table.cells(str(ELSEWHERE)) == row
        else:
            each = PROMISES[name]
            assert (category, promised, file.strip("`")) == (each.category, each.promised, table.file_of(each))
        assert int(held) <= int(tried) and re.match(r"\d{4}-\d\d-\d\d, ", run)


def test_rows_are_in_the_order_of_the_promises() -> None:
    names = [table.name_of(line) for line in table.written(TEXT)]
    assert [name for name in names if name in PROMISES] == [name for name in PROMISES if name in names]


def test_a_module_holds_the_promise_that_its_class_is_in() -> None:
    assert sorted(table.file_of(each) for each in PROMISES.values()) == [
        f"tests/promises/{name}.py" for name in promise.modules()
    ]


def test_rows_of_a_run_replace_those_of_the_same_promises_alone(tmp_path: Path) -> None:
    page = tmp_path / "promises.md"
    page.write_text(f"before\n{table.BEGIN}\n{table.END}\nafter\n")
    keep = Keep(None, 7, "0123abc", {})
    some = dict(list(PROMISES.items())[:2])
    for name in some:
        keep.add(Result(name, "one", "held"))
        keep.add(Result(name, "two", "broken", "a | b"))
        keep.add(Result(name, "three", "untried", "not root"))
    table.write(table.rows(some, keep), page)
    first = page.read_text()
    last = list(some.items())[-1:]
    keep.add(Result(last[0][0], "four", "held"))
    table.write(table.rows(dict(last), keep), page)
    before, after = table.written(first), table.written(page.read_text())
    assert {table.name_of(line) for line in before} == {*some, ELSEWHERE.name} and len(before) == len(after)
    ((old, new),) = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert table.cells(old)[4:6] == ["2", "1"] and table.cells(new)[4:6] == ["3", "2"] and "seed 7" in new
    assert page.read_text().startswith("before\n") and page.read_text().endswith("after\n")
