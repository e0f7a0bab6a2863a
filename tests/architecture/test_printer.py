"""Nothing but the printer writes to a terminal, so that its filter is the only one there has to be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2]
ROOMS = ("facts", "converge", "runtime", "cli")
WRITERS = {
    "cli/render.py": "it is the printer",
    "cli/board.py": "rich draws the board; names and texts went through the printer's filter",
    "cli/bootstrap.py": "runs before the tool's packages are there, with a filter of its own",
    "converge/engine_main.py": "its standard output is a pipe to us",
    "runtime/routes/edge.py": "its standard output is a log",
    "runtime/services/guarded_inspector.py": "its standard error is a log",
    "runtime/services/rebuild.py": "its standard output is a log",
}
"""Modules that write to a stream of their process -> why that reaches no terminal unfiltered."""
PROGRAMS = {
    "cli/doctor.py": "sudo asks for the password",
    "cli/testing/fix.py": "ruff says what it did to the tool's own files",
    "cli/testing/suite.py": "a suite is a program of the user, as if run by hand",
    "converge/local_machine.py": "the reaper says nothing",
    "runtime/placements/shim.py": "writes to the pipe or log that it was given",
    "runtime/routes/edge.py": "writes to the log of the edge",
    "runtime/services/guarded_inspector.py": "writes to the log of the component",
    "runtime/services/rebuild.py": "writes to the log of the component",
}
"""Modules whose programs write to the streams of their parent -> why."""
STREAMS = ("stdout", "stderr", "__stdout__", "__stderr__")
PRINTING = ("print", "input", "echo", "secho", "Console", "print_exc", "print_exception", "print_stack", "getpass",
            "basicConfig", "StreamHandler")  # fmt: skip
STARTS = ("run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec", "create_subprocess_shell")


def called(node: ast.Call) -> tuple[str, str]:
    """The object and the name of what is called."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return ast.unparse(function.value), function.attr
    return "", getattr(function, "id", "")


def writes(tree: ast.AST) -> Iterator[int]:
    """Lines that write to a stream of the process, or make something that does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == "/dev/tty":
            yield node.lineno
        if not isinstance(node, ast.Call):
            continue
        owner, name = called(node)
        to_stream = owner.removesuffix(".buffer").rpartition(".")[2] in STREAMS and owner.startswith("sys.")
        if name in PRINTING or (to_stream and name in ("write", "writelines")):
            yield node.lineno
        if owner == "os" and name == "write" and isinstance(node.args[0], ast.Constant):
            yield node.lineno
        if name == "show" and not node.args and "problem" in owner:  # click's errors print themselves
            yield node.lineno


def inherits(tree: ast.AST) -> Iterator[int]:
    """Lines that start a program which has our streams."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            owner, name = called(node)
            words = {word.arg for word in node.keywords}
            taken = "capture_output" in words or {"stdout", "stderr"} <= words
            if owner in ("subprocess", "asyncio") and name in STARTS and not taken and None not in words:
                yield node.lineno
            if owner == "os" and name in ("system", "popen"):
                yield node.lineno


def found(look: object, allowed: dict[str, str]) -> list[str]:
    rooms = (path for room in ROOMS for path in sorted((TOOL / room).rglob("*.py")))
    names = [(str(path.relative_to(TOOL)), ast.parse(path.read_text("utf-8"))) for path in rooms]
    return [f"{name}:{line}" for name, tree in names if name not in allowed for line in look(tree)]  # type: ignore[operator]


def test_only_the_printer_prints() -> None:
    assert found(writes, WRITERS) == [], "use `render.out`, `render.say` or `render.error`"


def test_no_program_writes_past_the_printer() -> None:
    assert found(inherits, PROGRAMS) == [], "give the program pipes, and print what it says by `render`"


@pytest.mark.parametrize(
    "text",
    [
        "print('x')", "import sys\nsys.stdout.write(x)", "sys.stderr.buffer.write(b'')", "typer.echo(x)",
        "open('/dev/tty', 'w')", "os.write(1, b'x')", "Console(stderr=True)", "traceback.print_exc()",
        "logging.basicConfig()", "problem.show()", "name = input('who? ')",
    ],
)  # fmt: skip
def test_a_print_is_found(text: str) -> None:
    assert list(writes(ast.parse(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subprocess.run(argv)", [1]),
        ("subprocess.Popen(argv, stdout=pipe)", [1]),
        ("subprocess.Popen(argv, stdout=pipe, stderr=pipe)", []),
        ("subprocess.run(argv, capture_output=True)", []),
        ("os.system('x')", [1]),
    ],
)
def test_a_program_with_our_streams_is_found(text: str, expected: list[int]) -> None:
    assert list(inherits(ast.parse(text))) == expected
