"""Reads the files of version managers that name one exact version: `.nvmrc`, `.python-version`, `.tool-versions`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from converge.adoption.evidence import Tool

ONE_TOOL: Mapping[str, str] = MappingProxyType({".nvmrc": "node", ".node-version": "node", ".python-version": "python"})
"""File with nothing but a version -> the tool that it is for."""
CALLED: Mapping[str, str] = MappingProxyType({"nodejs": "node", "golang": "go"})
"""Name in `.tool-versions` -> our name, where they differ. Source: the plugins of asdf."""
KNOWN = frozenset({"go", "node", "python"})
EXACT = re.compile(r"v?(\d+\.\d+\.\d+)")


def tools(path: str, text: str) -> tuple[Tool, ...]:
    """The exact versions that the file names. Aliases (`lts/*`), ranges and unknown tools are left out."""
    return tuple(
        Tool(name=name, version=match[1], source=f"{path}:{line}")
        for line, name, version in _said(PurePosixPath(path).name, text)
        if name in KNOWN and (match := EXACT.fullmatch(version))
    )


def _said(file: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Line, tool and version of each line; the first version counts where a line has several."""
    for line, content in enumerate(text.splitlines(), 1):
        said = content.partition("#")[0].split()
        if file == ".tool-versions" and len(said) > 1:
            yield line, CALLED.get(said[0], said[0]), said[1]
        elif file in ONE_TOOL and said:
            yield line, ONE_TOOL[file], said[0]
