"""Which lock file and installer a service has: the nearest one upwards that is for its directory."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from converge import kinds
from converge.desired import Service, TestSuite
from converge.installers import rows
from converge.installers.rows import Installer
from facts import regular
from facts.value import dataclass


@dataclass(frozen=True)
class Choice:
    """What is installed for a service, and by which installer."""

    row: Installer
    lock: Path
    """The lock file, which need not be there."""
    others: tuple[Path, ...] = ()
    """Lock files of other installers beside it. Then none of them is chosen, and nothing is installed."""

    @property
    def root(self) -> Path:
        """The directory in which is installed."""
        return self.lock.parent


def tools(service: Service) -> tuple[str, ...]:
    """Entries of [tools] that install for a service, or may: which of them, only its checkout tells."""
    found = rows.of_name(service.install) if service.install else rows.of_family(kinds.SERVICES[service.kind].packages)
    return tuple(dict.fromkeys(tool for row in found for tool in row.tools))


def of_service(checkout: Path, service: Service) -> Choice | None:
    """The choice for a service; None where its kind has no packages.

    Without any lock file it is the usual one of its language, in its directory.
    """
    directory = Path(os.path.normpath(checkout / service.path))
    family = kinds.SERVICES[service.kind].packages
    allowed = rows.of_name(service.install) if service.install else rows.of_family(family)
    if not allowed:
        return None
    if service.lock:
        lock = Path(os.path.normpath(directory / service.lock))
        return Choice(_row(lock, allowed, bool(service.install)), lock)
    for outer in (True, False):
        some = [row for row in allowed if row.outer == outer]
        for place in _upwards(checkout, directory):
            found = {row.name: lock for row, lock in _beside(place, some) if _is_for(row, lock, directory)}
            if found:
                lock, *others = found.values()
                return Choice(_row(lock, some, named=False), lock, tuple(others))
    usual = rows.USUAL[family] if not service.install else allowed[-1]
    return Choice(usual, directory / usual.locks[-1])


def of_suite(checkout: Path, suite: TestSuite) -> Choice | None:
    """The choice for a suite of tests; a lock file with a name of its own has the form of `requirements.lock`."""
    if not suite.requirements:
        return None
    lock = checkout / suite.path / suite.requirements
    return Choice(_row(lock, rows.ROWS, named=False), lock)


def family_of(suite: TestSuite) -> str:
    """The language of the lock file of a suite."""
    named = (row.family for row in rows.ROWS if suite.requirements in row.locks)
    return next(named, "python")


def _row(lock: Path, allowed: Sequence[Installer], named: bool) -> Installer:
    """The row for the form of a lock file; with `named`, one of these whatever its name is."""
    some = [row for row in allowed if lock.name in row.locks]
    if not some and named:
        some = list(allowed)
    elif not some:
        some = [row for row in allowed if lock.suffix == ".txt" and "requirements.txt" in row.locks]
    return next(filter(functools.partial(_has_form, lock), some), rows.USUAL["python"])


def _has_form(lock: Path, row: Installer) -> bool:
    """Rows with a marker come before the one for every other form."""
    return row.marker in text(lock) if row.marker else True


def _upwards(checkout: Path, directory: Path) -> Iterator[Path]:
    """The directory and those above it, up to the checkout."""
    yield directory
    while directory != checkout and checkout in directory.parents:
        directory = directory.parent
        yield directory


def _beside(place: Path, allowed: Sequence[Installer]) -> Iterator[tuple[Installer, Path]]:
    """Each installer with a lock file in this directory, once."""
    seen = set[str]()
    for row in allowed:
        for name in row.locks:
            if row.name not in seen and os.path.isfile(lock := place / name) and _has_form(lock, row):
                seen.add(row.name)
                yield row, lock


def _is_for(row: Installer, lock: Path, directory: Path) -> bool:
    """Whether the lock file has the packages of a directory at or below it, as its own text or its manifest says."""
    root = lock.parent
    if row.outer:
        pass
    elif not any(os.path.isfile(each / row.manifest) for each in _upwards(root, directory) if each != root):
        return True  # no other packages are declared in between
    if row.member is None:
        return False
    said = text(root / row.member_in if row.member_in else lock)
    places = (each for each in _upwards(root, directory) if os.path.isfile(each / row.manifest))
    path = os.path.relpath(next(places, directory), root)
    return re.search(row.member.replace("{path}", re.escape(path)), said) is not None


def text(path: Path) -> str:
    """The text of a lock file or manifest; empty if it cannot be read."""
    try:
        about = os.stat(path)
    except OSError:
        return ""
    return _read(path, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=32)
def _read(path: Path, changed: int, size: int) -> str:
    """Its text; services that share a lock file read it once."""
    try:
        return regular.content(path).decode("utf-8", "replace")
    except OSError:
        return ""
