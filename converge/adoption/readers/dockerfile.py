"""Dockerfiles: the command of an image, where no other file says how a directory is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from converge.adoption import commands, found, loose
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree

LAST = re.compile(r"^FROM\s", re.MULTILINE | re.IGNORECASE)
RUNS = re.compile(r"^(ENTRYPOINT|CMD)\s+((?:[^\n\\]|\\\n|\\.)*)", re.MULTILINE | re.IGNORECASE)
PORT = re.compile(r"^EXPOSE\s+(\d{1,5})\b", re.MULTILINE | re.IGNORECASE)
INTERPRETED = (
    (("requirements.txt", "pyproject.toml", "requirements.lock"), re.compile(r"python3?\b|\S+\.py\b"), "python"),
    (("package.json",), re.compile(r"(node|npm|yarn|pnpm|bun)\b"), "node"),
)  # fmt: skip
"""Files beside a Dockerfile, programs that run what is beside them, and the kind whose packages those are."""
GUESS = "the command of its image, with our reloader"


def read(tree: Tree) -> Iterable[Claim | Note]:
    """Claims of each directory with a Dockerfile whose program is interpreted: a compiled one is built there first."""
    beside: dict[str, set[str]] = {}
    for path in tree.paths:
        beside.setdefault(found.folder(path), set()).add(path.rpartition("/")[2])
    for path in tree.named("Dockerfile", "Containerfile"):
        folder = found.folder(path)
        text = tree.text(path)
        line, command = _command(text)
        for files, program, kind in INTERPRETED:
            if command and program.match(command) and beside[folder].intersection(files):
                yield from _service(folder, kind, command, f"{path}:{line}")
                yield from _port(folder, text, path)
                break


def _command(text: str) -> tuple[int, str]:
    """Line and words of what the last stage runs; empty where there is nothing, or a program of its own."""
    begin = max((match.start() for match in LAST.finditer(text)), default=0)
    said = {match[1].upper(): (match.start(), _words(match[2])) for match in RUNS.finditer(text, begin)}
    if not said:
        return 0, ""
    at = max(place for place, _ in said.values())
    joined = " ".join(words for key in ("ENTRYPOINT", "CMD") if key in said and (words := said[key][1]))
    steps = [step for step in commands.steps(joined) if step.role != "migrate"]
    return text.count("\n", 0, at) + 1, steps[-1].text if steps else ""


def _words(said: str) -> str:
    try:
        return commands.written(loose.texts(json.loads(said)))
    except (ValueError, RecursionError):
        return said.strip()


def _service(folder: str, kind: str, command: str, source: str) -> Iterator[Claim]:
    def claim(key: str, value: str | bool, guess: str = "") -> Claim:
        return Claim(table="services", of=folder, key=key, value=value, source=source, guess=guess)

    dev = command.removeprefix("exec ")
    yield claim("kind", kind)
    yield claim("dev", f"exec {dev}", GUESS)
    yield claim("reload", True, GUESS)


def _port(folder: str, text: str, path: str) -> Iterator[Claim]:
    if (match := PORT.search(text)) and 0 < int(match[1]) < 65536:
        source = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        guess = "the port of its container"
        yield Claim(table="services", of=folder, key="port", value=int(match[1]), source=source, guess=guess)
