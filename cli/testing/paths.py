"""Single tests of the tool by their place: `./dev test tests/facts`, `./dev test tests/facts/test_looks.py::test_x`."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from converge.errors import DevError, Exit
from converge.tool import TOOL

TESTS = TOOL / "tests"


def is_path(word: str) -> bool:
    """Whether a word on the command line is the place of a test and not the name of a suite."""
    return os.sep in word or "::" in word or word.endswith(".py") or Path(word).exists()


def node(word: str, services: dict[str, Path]) -> str:
    """The pytest node of a path relative to the working directory; DevError where no such test of the tool exists.

    `services` (name -> directory) lets the error name the suite that a file of a service belongs to.
    """
    file, colons, inside = word.partition("::")
    path = Path(file).resolve()
    if path != TESTS and TESTS not in path.parents:
        raise _outside(word, path, services)
    if not path.exists():
        raise _unknown(f"{file} does not exist", "no file or directory of the tool's tests has this name",
                       get_close_matches(_shown(path), [_shown(each) for each in files()], 3))  # fmt: skip
    if colons:
        name = inside.rpartition("::")[2].partition("[")[0]
        names = _names(path) if path.is_file() else []
        if name not in names:
            raise _unknown(f"{file} has no test {name!r}", "no function or class of the file has this name",
                           [f"{file}::{each}" for each in get_close_matches(name, names, 3)])  # fmt: skip
    return f"{path.relative_to(TOOL)}{colons}{inside}"


def several(nodes: Iterable[str]) -> bool:
    """Whether a directory is among these nodes: its tests are worth several processes."""
    return any((TOOL / each).is_dir() for each in nodes)


def files() -> list[Path]:
    """Every test file of the tool."""
    return sorted(TESTS.rglob("test_*.py"))


def _names(path: Path) -> list[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [each.name for each in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(each, kinds)]


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def _outside(word: str, path: Path, services: dict[str, Path]) -> DevError:
    for name, directory in services.items():
        if path == directory or directory in path.parents:
            return DevError(
                "unknown-test", f"{word} is not a test of the tool", because=f"it belongs to the service {name}",
                hint=f"./dev test {name} -- {os.path.relpath(word.partition('::')[0], directory)}", exit=Exit.USAGE,
            )  # fmt: skip
    near = get_close_matches(word.partition("::")[0], [_shown(each) for each in files()], 3)
    return _unknown(f"{word} is not a test of the tool", f"the tool's tests are below {TESTS}", near)


def _unknown(what: str, because: str, near: list[str]) -> DevError:
    hint = f"did you mean {' or '.join(near)}?" if near else "./dev test --list shows the suites"
    return DevError("unknown-test", what, because=because, hint=hint, exit=Exit.USAGE)
