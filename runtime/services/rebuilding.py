"""The command that rebuilds and restarts a compiled service by `rebuild.py`, for languages without such a tool."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from runtime.component import ServiceComponent

LOOP = Path(__file__).with_name("rebuild.py")
SOURCES = (
    "py", "pyi", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "go", "rs", "rb", "erb", "php", "java", "kt",
    "scala", "cs", "fs", "ex", "exs", "clj", "c", "h", "cc", "cpp", "hpp", "zig", "lua", "sh", "sql", "graphql",
    "proto", "html", "css", "toml", "yaml", "yml", "ini", "cfg", "conf", "env",
)  # fmt: skip
"""Suffixes of what people edit; not those of what a program itself writes beside it (logs, databases, JSON)."""
NOT_OURS = ("*/.*", "*/node_modules/*", "*/__pycache__/*", "*/venv/*", "*/target/*", "*/dist/*", "*/build/*", "*/tmp/*")
"""Places of installed and generated files."""


def command(
    component: ServiceComponent, program: Iterable[str], build: Iterable[str], suffixes: Iterable[str],
    skipped: Iterable[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """Run `program`; build, and run it again, when a file with one of these suffixes changes.

    Its own directory and those of `watch` are looked at, without the files that match a glob of `skipped`. A build
    that fails leaves the old program running.
    """
    directory = component.path
    watched = [str(directory / path) for path in (".", *component.wants.watch)]
    only = [f"--suffix={suffix}" for suffix in suffixes]
    without = [f"--skip={pattern}" for pattern in skipped]
    return (sys.executable, "-I", str(LOOP), *only, *without, *watched, "--build", *build, "--run", *program)


def restarted(component: ServiceComponent, program: Iterable[str]) -> tuple[str, ...]:
    """Run `program`, and run it again when a source file changes; nothing is built."""
    return command(component, program, (), SOURCES, NOT_OURS)
