"""Reads `Procfile` and `Procfile.dev`: one process on each line."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from converge.adoption import commands, names
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree

LARGEST = 50
"""Processes of one file."""
_LINE = re.compile(r"\s*([A-Za-z0-9_-]+)\s*:\s*(\S.*?)\s*")
_FOLDER = re.compile(r"cd\s+([\w./-]+)\s*(?:&&|;)\s*(.*)")
_PORT = re.compile(r"\$\{?PORT(?::-\d+)?\}?")


def read(tree: Tree) -> Iterable[Claim | Note]:
    """The file for development counts where both are in one directory; before one for production a script `dev`."""
    found = {posixpath.dirname(path): path for path in sorted(tree.named("Procfile", "Procfile.dev", "Procfile.local"))}
    folders = {posixpath.dirname(path) or "." for path in tree.paths}
    for folder, path in sorted(found.items()):
        if folder.count("/") < 2:
            scripts = tree.text(posixpath.join(folder, "package.json")) if path.endswith("Procfile") else ""
            own = {folder or "."} if re.search(r'"dev"\s*:\s*"', scripts) else set[str]()
            for each in _file(tree.text(path), path, folder or ".", folders):
                if not (isinstance(each, Claim) and each.key == "dev" and not each.also and each.of in own):
                    yield each


def _file(text: str, path: str, folder: str, folders: set[str]) -> Iterator[Claim | Note]:
    main: set[str] = set()
    for number, line in enumerate(text.splitlines()[:LARGEST], 1):
        source = f"{path}:{number}"
        match = _LINE.fullmatch(line)
        if not match or line.lstrip().startswith("#"):
            if line.strip() and not line.lstrip().startswith("#"):
                yield Note(source=source, said="the line does not start a process")
            continue
        process, command = match[1], match[2]
        inner = _FOLDER.fullmatch(command)
        home = posixpath.normpath(posixpath.join(folder, inner[1])) if inner else folder
        if inner and home not in folders:
            yield Note(source=source, said=f"the directory {inner[1]} is not in the repository")
            continue
        also = "" if home not in main and process not in ("worker", "release") else names.component(process)
        yield from _process(home, also, process, inner[2] if inner else command, source, main)


def _process(folder: str, also: str, process: str, command: str, source: str, main: set[str]) -> Iterator[Claim | Note]:
    steps = commands.steps(command)
    migrate = next((step for step in steps if step.role == "migrate"), None)
    if migrate:
        yield Claim(table="services", of=folder, key="migrate", value=migrate.text, source=source)
    rest = [step for step in steps if step.role != "migrate"]
    if process == "release" or not rest:
        if not migrate:
            yield Note(source=source, said=f"what {process} does before a release is not understood")
        return
    step = rest[-1]
    also = step.also or also
    if not also:
        main.add(folder)
    for key, value in step.keys.items():
        yield Claim(table="services", of=folder, also=also, key=key, value=value, source=source, guess=step.guess)
    if also:
        yield Claim(table="services", of=folder, also=also, key="name", value=names.component(process), source=source)
    if not step.keys:
        dev = f"exec {_PORT.sub('{port}', step.text)}"
        yield Claim(table="services", of=folder, also=also, key="dev", value=dev, source=source)
