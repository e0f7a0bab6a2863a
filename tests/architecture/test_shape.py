"""Functions stay small enough to be understood at one reading, modules too, and imports stand at the top."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2]
ROOMS = ("facts", "converge", "runtime", "cli")
MOST = 15
"""Complexity above which a function hides a table, a value or a second function."""
LAZY = 0.5
"""Imports inside functions for each module at most."""
LENGTH = 100
"""Lines of half of the modules at most."""
IMPORTS = (ast.Import, ast.ImportFrom)
SAVES = re.compile(r"#.*\bsaves \d+(\.\d+)? ms\b")
"""Comment of an import inside a function."""
BRANCHES = (
    ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Assert, ast.comprehension, ast.ExceptHandler,
    ast.Lambda, ast.match_case,
)  # fmt: skip


def sources() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for path in sorted((TOOL / room).rglob("*.py")):
            yield str(path.relative_to(TOOL)), path.read_text("utf-8")


def complexity(node: ast.AST) -> int:
    """Branches below a node, as radon counts them; a function inside another one counts for itself alone."""
    found = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        found += isinstance(child, BRANCHES) + complexity(child)
        if isinstance(child, ast.BoolOp):
            found += len(child.values) - 1
        elif isinstance(child, ast.comprehension):
            found += len(child.ifs)
        elif isinstance(child, (ast.For, ast.AsyncFor, ast.While, ast.Try)):
            found += bool(child.orelse)
    return found


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Name and complexity of every function, methods and inner ones included."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, 1 + complexity(node)


def lazy(node: ast.AST, inside: bool = False) -> int:
    """Imports that run only when a function is called."""
    found = 0
    for child in ast.iter_child_nodes(node):
        found += inside and isinstance(child, IMPORTS)
        found += lazy(child, inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return found


def unexplained(text: str) -> list[int]:
    """Lines of imports inside functions that do not say what they save; imports in a row share one comment."""
    lines, found, explained = ["", *text.splitlines()], [], set[int]()
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inner = {each.lineno: each for node in nodes for each in ast.walk(node) if isinstance(each, IMPORTS)}
    for at, node in sorted(inner.items()):
        above = at - 1
        while not lines[above].strip():
            above -= 1
        own = lines[at : (node.end_lineno or at) + 1]
        if lines[above].lstrip().startswith("#"):
            own.append(lines[above])
        if above in explained or any(SAVES.search(line) for line in own):
            explained |= set(range(at, (node.end_lineno or at) + 1))
        else:
            found.append(at)
    return found


def measured() -> dict[str, int]:
    """`module: function` -> complexity, the highest where several have one name."""
    found: dict[str, int] = {}
    for path, text in sources():
        for name, count in functions(ast.parse(text)):
            found[f"{path}: {name}"] = max(count, found.get(f"{path}: {name}", 0))
    return found


def test_no_function_is_harder_to_read_than_it_may_be() -> None:
    above = {name: count for name, count in measured().items() if count > MOST}
    assert above == {}, "split what it decides from what it does"


def test_imports_stand_at_the_top() -> None:
    counts = [lazy(ast.parse(text)) for _, text in sources()]
    assert sum(counts) / len(counts) <= LAZY


def test_an_import_inside_a_function_says_what_it_saves() -> None:
    assert [f"{path}:{line}" for path, text in sources() for line in unexplained(text)] == []


def test_half_of_the_modules_fit_on_a_page() -> None:
    assert statistics.median(len(text.splitlines()) for _, text in sources()) <= LENGTH


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(): pass", [1]),
        ("def f(a):\n if a and a or a:\n  return 1\n return 0", [4]),
        ("def f(a):\n for b in a:\n  pass\n else:\n  pass\n return [c for c in a if c if a]", [6]),
        ("def f(a):\n try:\n  a()\n except OSError:\n  pass\n except ValueError:\n  pass\n else:\n  pass", [4]),
        ("def f(a):\n def g(b):\n  return b or a\n return g if a else None", [2, 2]),
        ("class C:\n def f(self):\n  assert self\n  return lambda a: a if a else self", [4]),
        ("def f(a):\n match a:\n  case 1:\n   pass\n  case 2:\n   pass", [3]),
    ],
)
def test_branches_are_counted(text: str, expected: list[int]) -> None:
    assert [count for _, count in functions(ast.parse(text))] == expected


def test_only_imports_in_functions_are_counted() -> None:
    text = "import a\nif a:\n import b\ndef f():\n import c\n if c:\n  from d import e\nclass C:\n import g\n"
    assert lazy(ast.parse(text)) == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("import b", [2]),
        ("import b  # saves 4 ms: few need it", []),
        ("import b  # saves 0.4 ms", []),
        ("import b  # saves time", [2]),
        ("import b  # few need it", [2]),
        ("# saves 4 ms\n import b", []),
        ("# few need it\n import b", [3]),
        ("import b  # saves 4 ms\n import c\n\n from d import e", []),
        ("import b\n import c  # saves 4 ms", [2]),
        ("import b  # saves 4 ms\n b()\n import c", [4]),
        ("from b import (\n  c,\n  d,  # saves 4 ms\n )\n import e", []),
        ("b = 'saves 4 ms'\n import c", [3]),
    ],
)
def test_imports_without_a_number_are_found(body: str, expected: list[int]) -> None:
    assert unexplained(f"def f(a):\n {body}\n") == expected
    assert unexplained(f"if a:\n {body}\n") == []
