"""The arrows between the rooms, the homes of heavy libraries, and that the tool knows no service of ours."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge import schema
from converge.codes import CODES

TOOL = Path(__file__).resolve().parents[2]
ROOMS = ("facts", "converge", "runtime", "cli")
REFUSALS = ("DevError", "_refuse", "refuse")
"""What makes an error with a code."""
HOMES = {
    "pyinfra": {"converge/engine_main.py"},
    "gevent": {"converge/engine_main.py"},
    "typer": {"cli/grammar.py"},
    "pydantic": {"converge/schema.py"},
    "rich": {"cli/board.py", "cli/render.py"},
    "docker": {"runtime/docker/images.py"},
    "distro": {"facts/machine.py"},
    "shellingham": {"facts/shell.py"},
    "psutil": {"facts/ports.py", "runtime/services/rebuild.py"},
    "yaml": {"converge/compose_file/document.py"},
    "watchfiles": {"runtime/services/rebuild.py"},
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((TOOL / room).rglob("*.py")):
            yield str(path.relative_to(TOOL)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_rooms_import_only_towards_the_facts() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in sources()
        for name in imported(tree)
        if name.partition(".")[0] in ROOMS[ROOMS.index(path.partition("/")[0]) + 1 :]
    ]
    assert wrong == []


def test_heavy_libraries_stay_at_home() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in sources()
        for name in imported(tree)
        if (library := name.partition(".")[0]) in HOMES and path not in HOMES[library]
    ]
    assert wrong == []


def test_the_plan_touches_no_machine() -> None:
    for name in ("plan", "steps", "report", "errors"):
        tree = ast.parse((TOOL / "converge" / f"{name}.py").read_text())
        assert not {"os", "subprocess", "converge.machine", "converge.local_machine"} & set(imported(tree)), name


def test_the_tool_knows_none_of_our_services() -> None:
    own = set(schema.load(TOOL).desired.services)
    for path, tree in sources():
        shown = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in shown:
                assert node.value not in own, f"{path}:{node.lineno} knows {node.value}"


@pytest.mark.parametrize("argv", [["status"], ["doctor"], ["status", "--json"]])
def test_frequent_commands_import_nothing_heavy(argv: list[str]) -> None:
    code = (
        "import sys; sys.argv[0] = './dev'\n"
        f"sys.path.insert(0, {str(TOOL)!r})\n"
        f"from cli.main import main\nmain({argv!r})\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    schema.load(TOOL)  # what a first run compiles is kept
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=TOOL)
    loaded = set(ran.stderr.splitlines()[-1].split())
    assert "cli" in loaded
    assert not loaded & {"pyinfra", "docker", "gevent", "typer", "rich", "pydantic", "dataclasses"}


def test_every_error_code_is_explained() -> None:
    raised = {
        node.args[0].value
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in REFUSALS and node.args
        and isinstance(node.args[0], ast.Constant)
    }  # fmt: skip
    assert raised and raised <= set(CODES)


def test_every_module_and_public_name_says_what_it_is() -> None:
    silent = []
    for path, tree in sources():
        if path == "runtime/placements/shim.py":  # a program, not a library
            continue
        silent += [] if ast.get_docstring(tree) or path.endswith("__init__.py") else [path]
        for node in tree.body:
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                silent.append(f"{path}: {node.name}")
    assert silent == []


def test_the_issuer_and_the_kit_read_secret_files_alike() -> None:
    """The issuer has no module but its own, so it has a copy."""
    places = [TOOL / "services/auth" / place for place in ("go/authkit", "issuer")]
    kit, issuer = ((place / "secretfiles.go").read_text() for place in places)
    assert issuer == kit.replace("package authkit", "package main").replace("SecretFiles", "secretFiles")
