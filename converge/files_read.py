"""Other files of the checkout that decide what the desired state is, and whether they are still as they were read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from facts import regular

LARGEST = 1_000_000
"""Bytes of one such file; people write them by hand."""
MISSING = "missing"
"""What is noted of a file that is not there or cannot be read."""


class FilesRead:
    """Reads files of one checkout while its desired state is checked, and notes the content of each.

    Code that makes a part of the desired state from another file reads it here, also to find that it is missing: then
    the state that is kept in the user's cache is read again as soon as the file has another content, comes or goes.
    """

    def __init__(self, checkout: Path | None = None) -> None:
        """Without a checkout every file is missing."""
        self.checkout = checkout
        self.known: dict[str, str] = {}
        """Path relative to the checkout -> sha256 of its content, or `MISSING`."""

    def content(self, path: str) -> bytes | None:
        """Bytes of the file at a path relative to the checkout; None if it is not there.

        OSError, with a reason in `strerror`, if it cannot be read or is larger than `LARGEST`.
        """
        found, problem = _read(self.checkout, path)
        self.known[path] = _noted(found)
        if problem and not isinstance(problem, (FileNotFoundError, NotADirectoryError)):
            raise problem
        return found

    def text(self, path: str) -> str | None:
        """Its text; also ValueError where it is not UTF-8."""
        found = self.content(path)
        return None if found is None else found.decode("utf-8-sig")


def unchanged(checkout: Path, known: Mapping[str, str]) -> bool:
    """Whether each file has the content that is noted of it."""
    return all(_noted(_read(checkout, path)[0]) == noted for path, noted in known.items())


def _read(checkout: Path | None, path: str) -> tuple[bytes | None, OSError | None]:
    if checkout is None:
        return None, None
    try:
        return regular.content(os.path.join(checkout, path), LARGEST), None
    except OSError as problem:
        return None, problem


def _noted(content: bytes | None) -> str:
    return MISSING if content is None else hashlib.sha256(content).hexdigest()
