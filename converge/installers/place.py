"""Where the packages of a lock file are in `.dev`, and what tells that they were installed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from converge.installers.choice import Choice
from converge.instance import Instance
from facts import regular

NAME = "dependencies"
"""File with the stamp of an installation."""


def own(instance: Instance, name: str) -> Path:
    """The directory that holds what was installed for a service and belongs to no instance."""
    return instance.dev / "services" / name


def stamp(instance: Instance, name: str) -> Path:
    """What the last installation for a service left; absent if there was none, or it did not end well."""
    return own(instance, name) / NAME


def shared(instance: Instance, choice: Choice, build: Collection[str] = ()) -> Path:
    """The directory of a lock file, the same for every service that has it and builds the same packages."""
    path = os.path.relpath(choice.lock, instance.checkout).replace("+", "++").replace(os.sep, "+")
    text = f"{path} {choice.row.name} {' '.join(sorted(build))}".encode()
    return instance.dev / "installed" / f"{path[-80:]}-{hashlib.sha256(text).hexdigest()[:8]}"


def link(instance: Instance, name: str, choice: Choice, home: Path) -> None:
    """Let the directory of a service lead to what was installed for all of them."""
    if not choice.row.shared:
        return
    at = own(instance, name) / choice.row.shared
    at.parent.mkdir(parents=True, exist_ok=True)
    remove(at)
    at.symlink_to(os.path.relpath(home / choice.row.shared, at.parent))


def led_to(path: Path) -> Path:
    """What `link` made it lead to; itself, if it is no link. Cargo compares paths, so each service has the same one."""
    try:
        return Path(os.path.normpath(path.parent / os.readlink(path)))
    except OSError:
        return path


def remove(path: Path) -> None:
    """A directory, or a link to one, if it is there."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def note(stamp: str, counted: int, serial: str) -> bytes:
    """What is written after an installation: its stamp, the number of files, and what no other installation has."""
    return f"{stamp}\n{counted}\n{serial}\n".encode()


def serial(mark: Path) -> str:
    """What only the installation has that wrote this; empty if there was none."""
    with contextlib.suppress(OSError, ValueError):
        return "".join(regular.text(mark).splitlines()[2:3])
    return ""


def noted(mark: Path) -> tuple[str, int]:
    """The stamp and the number of files that an installation noted; an empty stamp if there is none."""
    with contextlib.suppress(OSError, ValueError):
        first, *rest = regular.text(mark).splitlines() or [""]
        return first, int(rest[0]) if rest else 0
    return "", 0
