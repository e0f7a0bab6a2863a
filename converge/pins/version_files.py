"""The version of a tool in a file that a team has already: `go.mod`, `.nvmrc`, `package.json` and others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Found = Iterator[str]
"""Versions as the file writes them, the most important first."""

OTHER_NAMES = {"go": ("golang",), "node": ("nodejs",), "python": ("cpython",)}
"""Tool -> what asdf and mise call it."""


def go_mod(text: str, tool: str) -> Found:
    """Source: https://go.dev/ref/mod#go-mod-file-toolchain."""
    if tool == "go":
        yield from re.findall(r"^toolchain\s+go(\S+)", text, re.MULTILINE)
        yield from re.findall(r"^go\s+(\S+)", text, re.MULTILINE)


def one_line(text: str, tool: str) -> Found:
    """`.nvmrc`, `.node-version`, `.python-version`: one version a line, and comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    yield from (line.removeprefix("node-").removeprefix("cpython-") for line in lines if line)


def tool_versions(text: str, tool: str) -> Found:
    """`.tool-versions` of asdf. Source: https://asdf-vm.com/manage/configuration.html."""
    for line in text.splitlines():
        name, *versions = line.partition("#")[0].split()[:2] or [""]
        if name in (tool, *OTHER_NAMES.get(tool, ())):
            yield from versions


def mise(text: str, tool: str) -> Found:
    """`[tools]` of mise: a version, a list, or a table with a version. Source: https://mise.jdx.dev/configuration.html."""
    for name, value in _table(_toml(text), "tools").items():
        if name.rpartition(":")[2] in (tool, *OTHER_NAMES.get(tool, ())):
            first = value[0] if isinstance(value, list) and value else value
            yield from _text(first.get("version") if isinstance(first, dict) else first)


def package_json(text: str, tool: str) -> Found:
    """Volta's pin, then `packageManager`, then `engines`."""
    tree = json.loads(text)
    if not isinstance(tree, dict):
        raise ValueError("it is not a JSON object")
    yield from _text(_table(tree, "volta").get(tool))
    manager, _, version = str(tree.get("packageManager", "")).partition("@")
    yield from (version.partition("+")[0] for _ in range(manager == tool and bool(version)))
    yield from _text(_table(tree, "engines").get(tool))


def rust_toolchain(text: str, tool: str) -> Found:
    """The channel, in TOML or alone. Source: https://rust-lang.github.io/rustup/overrides.html#the-toolchain-file."""
    if tool in ("rust", "cargo", "rustc"):
        alone = "[" not in text and "=" not in text
        yield from one_line(text, tool) if alone else _text(_table(_toml(text), "toolchain").get("channel"))


READERS: dict[str, Callable[[str, str], Found]] = {
    "go.mod": go_mod, "go.work": go_mod, ".nvmrc": one_line, ".node-version": one_line, ".python-version": one_line,
    ".tool-versions": tool_versions, "mise.toml": mise, ".mise.toml": mise, "package.json": package_json,
    "rust-toolchain.toml": rust_toolchain, "rust-toolchain": rust_toolchain,
}  # fmt: skip
"""Name of the file -> how a version is read from it."""


def version(name: str, text: str, tool: str) -> tuple[str, int] | None:
    """The version and its line in a file of this name; None if it has none for the tool. ValueError if it is broken.

    `v20.1`, `=20.1`, `20.x` and `20.1.*` are 20.1, 20.1, 20 and 20.1; what is a range or an alias is as it is written.
    """
    try:
        found = next(iter(READERS[name](text, tool)), None)
    except RecursionError as problem:
        raise ValueError(str(problem)) from None
    if found is None:
        return None
    line = text.count("\n", 0, max(text.find(found), 0)) + 1
    return re.sub(r"(\.[xX*])+$", "", re.sub(r"^[v=]\s*(?=\d)", "", found.strip())), line


def _toml(text: str) -> dict[str, Any]:
    import tomllib  # saves 3 ms of every command whose state was checked before

    return tomllib.loads(text)


def _table(tree: dict[str, Any], key: str) -> dict[str, Any]:
    found = tree.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> Found:
    if isinstance(value, str) and value.strip():
        yield value
