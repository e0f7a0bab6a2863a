"""Names of packages as their managers write them: no option, no address, no file, no second command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from converge import kinds
from converge.desired import Desired
from converge.installers import choice

MANAGERS = {
    "apt": r"[a-z0-9][a-z0-9+.-]*(?<!-)(:[a-z0-9-]*[a-z0-9])?(=[A-Za-z0-9.+:~-]+|/[a-z0-9-]+)?",
    "dnf": r"@?[A-Za-z0-9_][A-Za-z0-9_.+:~^-]*",
    "pacman": r"([a-z0-9][a-z0-9_-]*/)?[a-z0-9@_+][a-z0-9@._+-]*",
    "brew": r"([A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9_-]*/)?[A-Za-z0-9][A-Za-z0-9@._+-]*(?<!\.rb)",
}
"""Package manager -> its names; apt also takes `name=version`, `name:architecture` and `name/release`. A name that ends
with a dash would remove a package."""
PYTHON = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
"""Names of Python packages. Source: PEP 508."""


class Problem(NamedTuple):
    """What is wrong with the value of a key, and why."""

    key: str
    what: str
    because: str


def problems(desired: Desired) -> Iterator[Problem]:
    """Every name in the desired state that its manager could take for something else."""
    for name, package in desired.packages.items():
        for manager, pattern in MANAGERS.items():
            text = getattr(package, manager)
            if text is not None and not re.fullmatch(pattern, text):
                because = f"it becomes a word of a command of {manager}, which runs as an administrator"
                yield Problem(f"packages.{name}.{manager}", f"{text!r} is not a package name of {manager}", because)
    for name, service in desired.services.items():
        yield from _built(f"services.{name}.build", service.build, kinds.SERVICES[service.kind].packages == "python")
    for name, suite in desired.tests.items():
        python = bool(suite.requirements) and choice.family_of(suite) == "python"
        yield from _built(f"tests.{name}.build", suite.build, python)


def _built(key: str, packages: tuple[str, ...], python: bool) -> Iterator[Problem]:
    for package in packages:
        if not python:
            yield Problem(key, f"{package} cannot be built", "only a Python lock file has wheels and archives")
        elif not re.fullmatch(PYTHON, package):
            yield Problem(key, f"{package!r} is not the name of a Python package", "it becomes a word of a command")
