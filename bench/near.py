"""Which cheap test files `bench/mutants.py` runs for a change of a module, nearest first."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOMS = ("facts", "converge", "runtime", "cli", "tests")
FAR = 99
DEAR = (
    "tests/architecture/", "tests/cli/test_testing", "tests/debug/", "tests/editors/test_f5",
    "tests/editors/test_lending", "tests/foreign/", "tests/handoff/", "tests/launcher/", "tests/real/",
    "tests/stories/",
)  # fmt: skip
"""Tests of whole platforms, and tests of the text of the code: they are not run."""
NEAR = {
    "converge/engine": ("tests/operations/test_engine.py", "tests/operations/test_items.py"),
    "converge/operations/dependencies.py": ("tests/operations/test_dependencies.py", "tests/operations/test_items.py"),
    "converge/operations/docker.py": ("tests/operations/test_docker.py", "tests/operations/test_items.py"),
    "converge/operations/": ("tests/operations/test_items.py", "tests/operations/test_files.py"),
    "converge/toml.py": ("tests/schema/test_refusals.py", "tests/schema/test_hostile.py"),
    "converge/cycle.py": ("tests/converge/test_cycle.py",),
    "converge/ending.py": ("tests/converge/test_small_answers.py", "tests/runtime/test_belonging.py"),
    "converge/instance.py": ("tests/converge/test_small_answers.py",),
    "converge/network.py": ("tests/converge/test_small_answers.py",),
    "converge/report.py": ("tests/converge/test_plan.py",),
    "converge/schema.py": (
        "tests/schema/test_refusals.py",
        "tests/schema/test_templates.py",
        "tests/schema/test_local.py",
        "tests/schema/test_hostile.py",
    ),
    "converge/supply.py": ("tests/supply/test_unpacking.py", "tests/supply/test_hostile_mirror.py"),
    "facts/processes.py": ("tests/facts/test_belonging.py", "tests/facts/test_elsewhere.py"),
    "facts/env.py": ("tests/facts/test_env_mode.py", "tests/facts/test_golden.py"),
    "facts/value.py": ("tests/facts/test_value.py", "tests/facts/test_value_errors.py"),
    "facts/ports.py": ("tests/facts/test_port_probe.py", "tests/facts/test_looks.py"),
    "facts/": ("tests/facts/test_golden.py", "tests/facts/test_looks.py"),
    "facts/containers.py": ("tests/facts/test_publishers.py", "tests/facts/test_elsewhere.py"),
    "runtime/component.py": ("tests/runtime/test_platform.py", "tests/kinds/test_golden.py"),
    "runtime/health/": ("tests/runtime/test_ready.py", "tests/runtime/test_answers.py"),
    "runtime/infra/": ("tests/kinds/test_golden.py", "tests/provision/test_protocols.py"),
    "runtime/logs/": ("tests/runtime/test_logs.py",),
    "runtime/provision/inputs.py": ("tests/provision/test_inputs.py", "tests/provision/test_migrations.py"),
    "runtime/routes/owner_map.py": ("tests/runtime/test_edge_words.py",),
    "runtime/services/debugging.py": ("tests/kinds/test_debuggers.py", "tests/kinds/test_golden.py"),
    "runtime/services/": ("tests/kinds/test_golden.py", "tests/schema/test_debug_ports.py"),
    "runtime/start/transition.py": ("tests/plans/test_transition.py",),
}
"""Beginning of a module's path -> tests that are about it although their names do not say so, nearest first."""


@dataclass
class Imports:
    """Which modules and tests import which, read from their text; conftest.py is left out, as it is near to all."""

    of: dict[str, set[str]] = field(default_factory=dict)

    def read(self, tree: Path) -> None:
        files = [path.relative_to(tree) for room in ROOMS for path in (tree / room).rglob("*.py")]
        paths = {dotted(path): str(path) for path in files if path.name != "conftest.py"}
        for name, path in paths.items():
            self.of[path] = set()
            for node in ast.walk(ast.parse((tree / path).read_text("utf-8"))):
                wanted: list[str] = []
                if isinstance(node, ast.Import):
                    wanted = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    wanted = [f"{node.module}.{alias.name}" for alias in node.names]
                    wanted = [each if each in paths else node.module or "" for each in wanted]
                self.of[path] |= {paths[each] for each in wanted if each in paths and each != name}

    def distance(self, test: str, module: str) -> int:
        """How many imports lead from a test to a module; `FAR`: none does."""
        seen, edge = {test}, {test}
        for steps in range(1, FAR):
            edge = {to for path in edge for to in self.of.get(path, ())} - seen
            if module in edge:
                return steps
            if not edge:
                break
            seen |= edge
        return FAR


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def nearest(module: str, imports: Imports) -> list[str]:
    """Cheap test files that may notice a change, nearest first: by `NEAR`, by file, by folder, by imports."""
    path = Path(module)
    stem = path.parent.name if path.stem == "__init__" else path.stem
    table = [test for start, tests in NEAR.items() if module.startswith(start) for test in tests]
    ranked = []
    for test in imports.of:
        if not Path(test).name.startswith("test_") or test.startswith(DEAR):
            continue
        steps = imports.distance(test, module)
        if test in table:
            rank = table.index(test)
        elif re.search(rf"_{re.escape(stem)}(?:_|$)", Path(test).stem):
            rank = 7
        elif stem in Path(test).parts:
            rank = 8
        elif steps < FAR:
            rank = 10 * steps
        else:
            continue
        ranked.append((rank, Path(test).parts[1] not in path.parts, test))
    return [test for _, _, test in sorted(ranked)]
