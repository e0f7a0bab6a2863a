"""The sources of an image: which files they are, their digest, and whether they changed since a container was made."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from converge import atomic, own_files
from converge.instance import Instance
from facts import git
from runtime.component import Component

CHANGED = "sources changed since this image; ./dev start --docker"
INSTALLED = ("node_modules", "tmp", "__pycache__")
"""Directories of installed or generated files; they are not looked at, like those whose name begins with a dot."""


def digest(component: Component, context: Path, dockerfile: str, noted: bool = True) -> str:
    """Twelve hex digits of a service's `path`, `watch` and Dockerfile, or of the build's context.

    `noted`: it is written down for `changed`. OSError if a file is not readable.
    """
    places = [context]
    if component.is_service:
        places = [component.path, *(component.path / more for more in component.wants.watch)]
    found = sorted(set(_files([*places, context / dockerfile])))
    marks = _marks(found, places)  # before the files are read: a later edit is seen as one
    whole = sha256()
    for path in found:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # removed since it was listed: an editor's temporary file, or another branch
            continue
        whole.update(f"{os.path.relpath(path, context)}\0{os.access(path, os.X_OK)}\0".encode())
        whole.update(sha256(content).digest())
    made = whole.hexdigest()[:12]
    if component.is_service and noted:
        entry = {"digest": made, "context": str(context), "dockerfile": dockerfile, "marks": marks}
        with contextlib.suppress(OSError):  # a note alone: without it, a change is not shown
            atomic.write(note(component.instance, component.name), json.dumps(entry))
    return made


def changed(component: Component, image: str) -> bool:
    """Whether the service's sources are others than those of this image. It writes nothing.

    Files are read only if one was touched. False for an image that ./dev did not build, or if no start noted the
    sources.
    """
    if not image.startswith(f"{component.instance.project}-{component.name}:"):
        return False
    known = now(component)
    return bool(known) and image.rpartition(":")[2] != known


def now(component: Component) -> str:
    """The digest of the service's sources; empty if no start noted them, or one cannot be read. It writes nothing."""
    try:
        noted = own_files.document(note(component.instance, component.name))
        if _same(noted["marks"]):
            return str(noted["digest"])
        return digest(component, Path(noted["context"]), str(noted["dockerfile"]), noted=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def note(instance: Instance, name: str) -> Path:
    """File with the digest of a service's sources, and by what a change of them is seen."""
    return instance.engine_record.with_name(f"{name}.sources.json")


def _same(marks: Mapping[str, Any]) -> bool:
    return all(_mark(path) == mark for path, mark in marks.items())


def _marks(files: Iterable[Path], places: Iterable[Path]) -> dict[str, str]:
    """By what a change is seen: size and time of each file, names in the directories, where files appear."""
    tops = {place for place in places if place.is_dir()}
    directories: set[Path] = set()
    for path in files:
        for above in path.parents:
            if above in directories or not any(_within(above, top) for top in tops):
                break
            directories.add(above)
    directories |= tops
    for directory in list(directories):
        with contextlib.suppress(OSError):
            directories |= {Path(entry.path) for entry in os.scandir(directory) if _counts(entry)}
    return {path: _mark(path) for path in map(str, (*files, *directories))}


def _within(path: Path, top: Path) -> bool:
    """Whether it is in that directory; `a/../lib` is not in `a`."""
    return path.is_relative_to(top) and ".." not in path.parts[len(top.parts) :]


def _counts(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and entry.name not in INSTALLED


def _mark(path: str) -> str:
    """A directory by its names: its time differs after each file that an editor made in it and removed again."""
    try:
        about = os.stat(path)
        if stat.S_ISDIR(about.st_mode):
            return sha256("\0".join(sorted(os.listdir(path))).encode(errors="surrogateescape")).hexdigest()[:16]
    except OSError:
        return ""
    return f"{about.st_mtime_ns} {about.st_size} {about.st_mode}"


def _files(places: Iterable[Path]) -> Iterator[Path]:
    """Files that git tracks or would add; without git all except hidden and installed ones."""
    for place in places:
        if place.is_file():
            yield place.resolve()
            continue
        listed = subprocess.run(
            git.argv(place, "ls-files", "-co", "--exclude-standard", "-z"), capture_output=True, env=git.environment()
        )  # fmt: skip
        if listed.returncode == 0:
            known = listed.stdout.decode(errors="surrogateescape").split("\0")
            yield from (place / name for name in known if name and (place / name).is_file())
            continue
        for directory, inner, names in os.walk(place):
            inner[:] = [name for name in inner if not name.startswith(".") and name not in INSTALLED[:2]]
            yield from (Path(directory) / name for name in names if not name.endswith(".pyc"))
