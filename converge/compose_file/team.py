"""The Compose files that `[compose] file` names, and the variables that are filled in."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from converge.compose_file import document
from converge.compose_file.document import Document
from converge.env_files import dotenv
from converge.errors import DevError
from converge.files_read import FilesRead
from converge.toml import refuse
from facts import surroundings
from facts.text import NotText, decoded
from facts.value import dataclass

ENV = ".env"
"""Beside the first file; it gives the variables of all of them."""
OURS = ("compose/infra.yaml", "compose/services.yaml", "compose/routes.yaml")
"""Files that ./dev gives to Compose by itself."""


@dataclass(frozen=True)
class Team:
    """The files as they were read."""

    documents: tuple[Document, ...]
    variables: Mapping[str, str]
    """What `${NAME}` is: what `.env` says; PWD and HOME as in a shell beside the file, and no others of the caller."""
    files: FilesRead
    folder: str
    """Directory of the first file relative to the checkout, from which relative paths begin, as in Compose."""

    def services(self) -> Iterator[tuple[Document, str, Any]]:
        """Every service of every file, in their order."""
        for each in self.documents:
            found = each.tree.get("services")
            yield from ((each, name, table) for name, table in (found if isinstance(found, dict) else {}).items())

    def inside(self, path: str) -> str:
        """A path of the files relative to the checkout."""
        return posixpath.normpath(posixpath.join(self.folder, path))

    def absolute(self, path: str) -> str:
        """A path of the files as Compose would resolve it."""
        if path == "~" or path.startswith("~/"):
            return posixpath.join(self.variables["HOME"], path[2:])
        return posixpath.normpath(posixpath.join(str(self.files.checkout or "/"), self.folder, path))


def read(paths: Sequence[str], at: str, files: FilesRead) -> Team:
    """The files at paths relative to the checkout; DevError with `file:line`, or with the line `at` that names them."""
    plain = [posixpath.normpath(path) for path in paths]
    for path, name in zip(paths, plain, strict=True):
        if posixpath.isabs(path) or name.split("/")[0] == ".." or outside(files, name):
            raise refuse("bad-path", f"{path!r} leaves the checkout", at, "a Compose file is a file of the checkout")
        if plain.count(name) > 1 or not path:
            raise refuse("value-wrong", f"{path!r} is not one more Compose file", at, "each file is named once")
        if name in OURS:
            because = "./dev gives it to Compose already, and fills in its variables"
            raise refuse("value-wrong", f"{path} is not a file for [compose]", at, because, "delete it there")
    folder = posixpath.dirname(plain[0])
    known = _variables(posixpath.join(folder, ENV), files)
    known = {"HOME": surroundings.home(), "PWD": os.path.join(files.checkout or "/", folder).rstrip("/"), **known}
    found = tuple(document.read(_content(name, at, files), name, known) for name in plain)
    return Team(found, known, files, folder)


def outside(files: FilesRead, path: str) -> bool:
    """Whether a path relative to the checkout leads out of it."""
    top = os.path.realpath(files.checkout or "/")
    return not os.path.realpath(os.path.join(top, path)).startswith(os.path.join(top, ""))


def unread(name: str, at: str, because: str) -> DevError:
    """The error for a file that the Compose files, or the desired state, name at `file:line`."""
    return refuse("compose-file", f"{name} cannot be read", at, because)


def values(name: str, files: FilesRead, outer: Mapping[str, str], before: Mapping[str, str] = {}) -> dict[str, str]:
    """The values of a `.env` file of the checkout, added to those `before`; DevError with its line.

    FileNotFoundError if it is not there.
    """
    try:
        raw = files.content(name)
        if raw is None:
            raise FileNotFoundError(name)
        return dotenv.parse(decoded(raw), outer, before)
    except (NotText, dotenv.Wrong) as problem:
        raise unread(name, f"{name}:{problem.line}", problem.because) from None
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise unread(name, f"{name}:1", problem.strerror or str(problem)) from None


def _variables(name: str, files: FilesRead) -> dict[str, str]:
    if outside(files, name):
        raise unread(name, f"{name}:1", "it leads out of the checkout")
    try:
        return values(name, files, {})
    except FileNotFoundError:
        return {}


def _content(name: str, at: str, files: FilesRead) -> bytes:
    try:
        found = files.content(name)
    except OSError as problem:
        raise unread(name, at, problem.strerror or str(problem)) from None
    if found is None:
        raise unread(name, at, "there is no such file")
    return found
