"""The files in which a container gets its secrets: in the private state of the instance, closed to other users.

A container runs as any user, so the files are readable for all; the directories above them are 0700.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from converge import atomic, own_files
from converge.instance import Instance

DIRECTORY = re.compile("[0-9a-f]{12}")


def directory(instance: Instance, component: str) -> Path | None:
    """What its container mounts; None if it gets no files. Another content is in another directory.

    So Compose makes a container again whose secrets changed, and nothing that it shows depends on their values.
    """
    place = _place(instance, component)
    try:
        name = own_files.text(place / "current").strip()
    except OSError:
        return None
    found = place / name
    return found if DIRECTORY.fullmatch(name) and found.is_dir() and not found.is_symlink() else None


def names(instance: Instance, component: str) -> frozenset[str]:
    """The variables that its container gets as files."""
    found = directory(instance, component)
    return frozenset(os.listdir(found)) if found else frozenset()


def write(instance: Instance, component: str, values: Mapping[str, str]) -> None:
    """Write variable -> value into a new directory, if the present one differs."""
    contents = {name: _content(value) for name, value in values.items()}
    now = directory(instance, component)
    if now and {path.name: path.read_bytes() for path in now.iterdir()} == contents:
        return
    place = _place(instance, component)
    for each in (place.parent, place):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
        each.chmod(0o700)
    fresh = place / os.urandom(6).hex()
    fresh.mkdir()
    for name, content in contents.items():
        (fresh / name).write_bytes(content)
        (fresh / name).chmod(0o444)
    fresh.chmod(0o755)
    atomic.write(place / "current", fresh.name + "\n")


def sweep(instance: Instance, component: str) -> None:
    """Delete the files of earlier containers of it, once it has a new one."""
    if now := directory(instance, component):
        for path in now.parent.iterdir():
            if path != now and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)


def remove(instance: Instance, component: str) -> None:
    """Delete its files, as its container has gone."""
    shutil.rmtree(_place(instance, component), ignore_errors=True)


def _content(value: str) -> bytes:
    """Readers drop one line break at the end of a file."""
    return (value + "\n" * value.endswith("\n")).encode("utf-8", "surrogateescape")


def _place(instance: Instance, component: str) -> Path:
    return instance.container_secrets / component
