"""Entries of `[tools]` that are tables: their version is found, and the tables are kept apart from it."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge.errors import DevError
from converge.files_read import FilesRead
from converge.pins import version_files
from converge.toml import refuse

LONGEST = 64
"""Characters of a version."""
APART = "tool_sources"
"""Key of the tree, and field of the desired state, for the tables; no file has it."""


def separate(tree: dict[str, Any], lines: dict[str, str], files: FilesRead) -> None:
    """Put the version of each table of `[tools]` in its place, and the table below `APART`."""
    if APART in tree:
        at = lines.get(APART, "")
        raise refuse("value-wrong", f"{APART} is not a key of the desired state", at, "write the table in [tools]")
    tools = tree.get("tools")
    tables = (
        {tool: table for tool, table in tools.items() if isinstance(table, dict)} if isinstance(tools, dict) else {}
    )
    for tool, table in tables.items():
        at = lines.get(f"tools.{tool}.from") or lines.get(f"tools.{tool}") or "desired_state.toml"
        if ("from" in table) == ("version" in table):
            raise refuse(
                "key-missing" if "from" not in table else "value-wrong", f"tools.{tool} has no single version", at,
                "it needs either `version` or `from`",
                f'write {tool} = {{ version = "1.2.3" }} or {tool} = {{ from = ".tool-versions" }}',
            )  # fmt: skip
        if isinstance(table.get("from"), str):
            table["version"] = _read(tool, table["from"], at, files)
        del tree["tools"][tool]
        if isinstance(table.get("version"), str):  # the type of another one is refused later
            tree["tools"][tool] = table["version"]
    _without_v(tools, tables)
    if tables:
        tree[APART] = tables


def _without_v(tools: Any, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """`v1.2` is how tags and Go write 1.2; an address (`url`) may have the text as it is."""
    for tool, version in tools.items() if isinstance(tools, dict) else ():
        if isinstance(version, str) and re.match(r"v\d", version) and "url" not in tables.get(tool, ()):
            tools[tool] = version[1:]


def _read(tool: str, path: str, at: str, files: FilesRead) -> str:
    """The version of the tool in a file of the checkout."""
    name, plain = posixpath.basename(path), posixpath.normpath(path)
    if posixpath.isabs(path) or plain.split("/")[0] == ".." or _leads_out(files.checkout, plain):
        raise refuse("bad-path", f"{path!r} leaves the checkout", at, "a version is read from a file of the checkout")
    if name not in version_files.READERS:
        known = ", ".join(sorted(version_files.READERS))
        raise refuse("value-wrong", f"no version is read from {path!r}", at, "its name is not known", f"known: {known}")
    try:
        text = files.text(plain)
        found = None if text is None else version_files.version(name, text, tool)
    except (OSError, ValueError) as problem:
        raise _unread(tool, path, at, getattr(problem, "strerror", None) or str(problem)) from None
    if found is None:
        raise _unread(tool, path, at, "there is no such file" if text is None else f"it has no version of {tool}")
    version, line = found
    if not version[:1].isdigit() or len(version) > LONGEST:
        raise refuse(
            "bad-version", f"{version[:LONGEST]!r} is not a version of {tool}", f"{path}:{line}",
            "a range or an alias is another version tomorrow, and tools are pinned to an exact one",
            f'write the version there, or in [tools]: {tool} = "1.2.3" ({at})',
        )  # fmt: skip
    return version


def _leads_out(checkout: Path | None, path: str) -> bool:
    """Whether it is a link to a file outside, whose text no message should repeat."""
    top = os.path.realpath(checkout or "/")
    return not os.path.realpath(os.path.join(top, path)).startswith(os.path.join(top, ""))


def _unread(tool: str, path: str, at: str, because: str) -> DevError:
    return refuse("bad-version", f"{path} gives no version of {tool}", at, because, "write the version in [tools]")
