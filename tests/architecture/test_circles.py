"""No module imports, by whatever way, one that imports it: also not inside a function, where Python would not mind."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2]
ROOMS = ("facts", "converge", "runtime", "cli")


def modules() -> dict[str, ast.Module]:
    """Dotted name -> content of each module of the tool; a package has the name of its directory."""
    found = {}
    for room in ROOMS:
        for path in sorted((TOOL / room).rglob("*.py")):
            parts = path.relative_to(TOOL).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text())
    return found


def imported(node: ast.AST) -> Iterator[str]:
    """Every name that the code below imports when it runs; what only a type checker reads is left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from imported(other)
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from imported(child)


def graph(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """Module -> modules it imports. `from a import b` is an import of a.b where that is a module, else of a."""
    arrows: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in trees.items():
        for target in imported(tree):
            module = target if target in trees else target.rpartition(".")[0]
            if module in trees and module != name:
                arrows[name].add(module)
    return arrows


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Each set of modules that reach one another, in order."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        left = [start]
        while left:
            fresh = arrows[left.pop()] - found
            found |= fresh
            left += fresh
        return found

    reach = {name: reached(name) for name in arrows}
    groups = {frozenset(other for other in reach[name] if name in reach[other]) for name in arrows}
    return sorted(sorted(group) for group in groups if group)


def test_no_module_imports_itself_by_way_of_others() -> None:
    arrows = graph(modules())
    assert len(arrows) > 100 and "converge.machine" in arrows["converge.engine"]
    assert circles(arrows) == []


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"a": "import b", "b": "import a"}, [["a", "b"]]),
        ({"a": "def f():\n  import b", "b": "import a"}, [["a", "b"]]),
        ({"a": "from p import b", "p": "", "p.b": "from p.c import d", "p.c": "import a"}, [["a", "p.b", "p.c"]]),
        ({"a": "if TYPE_CHECKING:\n  import b", "b": "import a"}, []),
        ({"a": "import b\nimport c", "b": "import c", "c": "import os"}, []),
    ],
)  # fmt: skip
def test_a_circle_is_found_wherever_its_imports_stand(texts: dict[str, str], expected: list[list[str]]) -> None:
    assert circles(graph({name: ast.parse(text) for name, text in texts.items()})) == expected
