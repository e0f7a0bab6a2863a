"""What a migration depends on: its command, its declared environment, and the files that it reads."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from converge.desired import Service
from runtime.component import ServiceComponent
from runtime.environment import shared
from runtime.platform import Platform
from runtime.provision.notes import Stamp

NAMED = re.compile(r"migrat|alembic", re.IGNORECASE)
"""Directories and files with such a name belong to a migration."""
KINDS = (".sql", ".prisma")
"""Suffixes of files that belong to a migration in any directory."""
SCRIPTS = (
    *KINDS, ".py", ".sh", ".bash", ".js", ".mjs", ".cjs", ".ts", ".rb", ".go", ".pl", ".php", ".yaml", ".yml", ".toml",
    ".ini", ".conf", ".xml",
)  # fmt: skip
"""Suffixes of files that belong to a migration if its command names them or their directory."""
SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "target", "dist", "build", "vendor", "tmp"})
"""Directories of generated or installed files, which are skipped, as are those whose name begins with a dot."""


def stamp(platform: Platform, component: ServiceComponent) -> Stamp:
    """The present inputs of its migration."""
    wants = component.wants
    environment = json.dumps([shared(platform, component.name), wants.env], sort_keys=True)
    base = component.instance.checkout / wants.path
    found = {}
    for path in sorted(files(component.instance.checkout, wants)):
        if not path.is_file():  # reading a named pipe would not end
            continue
        try:
            found[os.path.relpath(path, base)] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:  # it was removed since it was listed, or is not readable
            continue
    return {"command": wants.migrate, "environment": _hash(environment), "files": found}


def changes(before: Stamp, now: Stamp) -> str:
    """What differs between two stamps, as a clause; empty if nothing does."""
    if before.get("command") != now["command"]:
        return "its command changed"
    old, new = before.get("files"), now["files"]
    old = old if isinstance(old, Mapping) else {}
    words = [f"{name} is new" for name in new if name not in old]
    words += [f"{name} changed" for name in new if name in old and old[name] != new[name]]
    words += [f"{name} is gone" for name in old if name not in new]
    if words:
        return ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
    return "" if before.get("environment") == now["environment"] else "its environment changed"


def files(checkout: Path, service: Service) -> set[Path]:
    """The files of `migrate_inputs`; without it, those of `path`, `watch` and the command that look like migrations."""
    base = checkout / service.path
    if service.migrate_inputs:
        named = (
            base / name for each in service.migrate_inputs for name in glob.glob(each, root_dir=base, recursive=True)
        )
        return {file for path in named for file in ([path] if path.is_file() else _below(path))}
    places = [base, *(base / each for each in service.watch)]
    found = {file for place in places for file in _below(place) if _looks_so(file.relative_to(place))}
    return found | set(_in_command(base, checkout, service.migrate or ""))


def _below(directory: Path) -> Iterator[Path]:
    for place, inner, names in os.walk(directory):
        inner[:] = [name for name in inner if not name.startswith(".") and name not in SKIPPED]
        for name in names:
            if not name.startswith(".") and not name.endswith(".pyc"):
                yield Path(place, name)


def _looks_so(path: Path) -> bool:
    return path.suffix in KINDS or any(NAMED.search(part) for part in path.parts)


def _in_command(base: Path, checkout: Path, command: str) -> Iterator[Path]:
    """Scripts, and directories of scripts, that the words of the command name."""
    for path in _paths(base, _words(command)):
        if not path.resolve().is_relative_to(checkout.resolve()) or path.resolve() in (base.resolve(), checkout):
            continue
        if path.is_dir():
            yield from (file for file in _below(path) if file.suffix in SCRIPTS)
        elif path.is_file() and (path.suffix in SCRIPTS or os.access(path, os.X_OK)):
            yield path


def _paths(base: Path, words: Iterable[str]) -> Iterator[Path]:
    before = ""
    for word in words:
        if before == "-m":  # a module of Python
            parts = word.split(".")
            yield base.joinpath(*parts).with_suffix(".py")
            yield base.joinpath(*parts, "__main__.py")
        else:
            yield Path(os.path.normpath(base / word.rpartition("=")[2]))
        before = word


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return [part for word in words if (part := word.strip(";&|()<>")) and "\0" not in part]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
