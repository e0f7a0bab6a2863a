"""Reads `.env.example` and its like: which `.env` is wanted, and which of its variables name a component."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from converge.adoption import names
from converge.adoption.addresses import Addresses, Part
from converge.adoption.evidence import Claim, Note
from converge.adoption.readers import compose
from converge.adoption.stack import components
from converge.adoption.tree import Tree
from converge.env_files import dotenv

EXAMPLES = (".env.example", ".env.sample", ".env.dist", ".env.template", "env.example", ".env.local.example")
MOST = 40
"""Such files that are read."""
_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")
_BESIDE = re.compile(r"\.(example|sample|dist|template)\Z")


def read(tree: Tree) -> Iterable[Claim | Note]:
    """`env_file` of [env] for the root, of a service for its directory; and templates for addresses in it."""
    paths = set(tree.paths)
    examples = sorted(tree.named(*EXAMPLES), key=lambda path: (path.count("/"), path))
    committed = [path for path in tree.named(".env") if not _example_of(path, paths)]
    seen: set[str] = set()
    hosts = components.of(tree).hosts()
    known = {(each.of, each.key) for each in compose.read(tree) if isinstance(each, Claim) and each.table == "services"}
    for path in [*committed, *examples][:MOST]:
        folder = posixpath.dirname(path) or "."
        if folder in seen:
            continue
        seen.add(folder)
        own = {key for of, key in known if folder in (".", of)}
        yield from _file(tree, path, folder, hosts, own)


def _file(
    tree: Tree, path: str, folder: str, hosts: Mapping[str, Part], known: Collection[str]
) -> Iterator[Claim | Note]:  # fmt: skip
    """`known` are the keys of variables that the Compose file gives the service, or any one for [env]."""
    name = posixpath.basename(path)
    wanted = ".env" if name in ("env.example", ".env") else _BESIDE.sub("", name)
    try:
        found = dotenv.parse(tree.text(path), {})
    except dotenv.Wrong as problem:
        yield Note(source=f"{path}:{problem.line}", said=f"it cannot be read as a .env file: {problem.because}")
        return
    if name == ".env" or _ignored(tree, folder, wanted):
        yield _claim(folder, "env_file", (wanted,), f"{path}:1")
    else:
        yield Note(source=f"{path}:1", said=f"git does not ignore {wanted}, so env_file is not set for it")
    lines = _lines(tree.text(path))
    filled = Addresses(hosts).variables(found)
    for variable, value in filled.items():
        if f"env.{variable}" in known:
            continue
        at = f"{path}:{lines.get(variable, 1)}"
        if _PASSWORD.search(value.text):
            said = f"{variable} is not filled in, as its address has a password; it is the one in {wanted}"
            yield Note(source=at, said=said)
        elif names.VARIABLE.fullmatch(variable) and "{" in value.text:
            yield _claim(folder, variable if folder == "." else f"env.{variable}", value.text, at)


def _claim(folder: str, key: str, value: str | tuple[str, ...], source: str) -> Claim:
    if folder == ".":
        return Claim(table="env", key=key, value=value, source=source)
    return Claim(table="services", of=folder, key=key, value=value, source=source)


def _example_of(path: str, paths: set[str]) -> bool:
    return any(posixpath.join(posixpath.dirname(path), name) in paths for name in EXAMPLES)


def _ignored(tree: Tree, folder: str, wanted: str) -> bool:
    """Whether a `.gitignore` at the root or beside it has a pattern for the file."""
    for home in {".", folder}:
        for line in tree.text(posixpath.normpath(posixpath.join(home, ".gitignore"))).splitlines():
            pattern = line.strip().removeprefix("**/").removeprefix("/")
            if fnmatch.fnmatch(wanted, pattern) or fnmatch.fnmatch(posixpath.join(folder, wanted), pattern):
                return True
    return False


def _lines(text: str) -> Mapping[str, int]:
    """Variable -> its line."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*[=:]", line)
        if match:
            found.setdefault(match[1], number)
    return found
