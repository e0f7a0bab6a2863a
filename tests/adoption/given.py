"""A repository that is only named in a test, and what a reader says of it, one line for each claim and note."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping
from textwrap import dedent

from converge.adoption.evidence import Claim, Reader
from converge.adoption.tree import Tree


class Given(Tree):
    """Files by path; their texts are dedented."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = {path: dedent(text).lstrip("\n") for path, text in files.items()}
        self.paths = tuple(sorted(files))

    def text(self, path: str) -> str:
        return self.files.get(path, "")

    def named(self, *patterns: str) -> Iterator[str]:
        for path in self.paths:
            if any(fnmatch.fnmatchcase(path.rpartition("/")[2], pattern) for pattern in patterns):
                yield path


def said(read: Reader, files: Mapping[str, str]) -> list[str]:
    """`services.api port 8000 @compose.yaml:4`, with ` ?` behind a guess; `note @compose.yaml:3 words`."""
    return [_line(each) for each in read(Given(files))]


def _line(each: object) -> str:
    if not isinstance(each, Claim):
        return f"note @{each.source} {each.said}"
    place = ".".join(filter(None, (each.table, each.of))) + (f"+{each.also}" if each.also else "")
    value = each.value if isinstance(each.value, str) else json.dumps(each.value)
    return f"{place} {each.key} {value} @{each.source}" + (" ?" if each.guess else "")
