"""Which variables of a container are secrets, and how it gets them: as files at `/run/secrets`, where it mounts some.

Variables are shown by `docker inspect`. A Compose service that mounts `NAME_SECRETS` there says by it that its program
reads `NAME_FILE` in place of `NAME`; the others get variables, as their images may know nothing else.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping

from converge import own_files
from converge.derived import services_password
from converge.instance import Instance
from converge.redaction import patterns
from runtime.component import Component
from runtime.docker import secret_files
from runtime.docker.compose import SECRETS, Project
from runtime.platform import Platform

FILE_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def hand(project: Project, component: Component, found: Mapping[str, str]) -> dict[str, str]:
    """The variables of its container, with `NAME_FILE` for each secret that it gets as a file, which is written."""
    entry, instance = project.entry(component), component.instance
    if entry is None or not entry.secrets:
        secret_files.remove(instance, component.name)
        return dict(found)
    names = {name for name in secret(project.platform, found) if FILE_NAME.fullmatch(name)}
    names -= {name for name in names if f"{name}_FILE" in found}
    secret_files.write(instance, component.name, {name: found[name] for name in names if found[name]})
    return pointing(found, names)


def pointing(found: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The variables with `NAME_FILE` in place of those names; one that is empty is left out."""
    hidden = set(names)
    plain = {name: value for name, value in found.items() if name not in hidden}
    return plain | {f"{name}_FILE": f"{SECRETS}/{name}" for name in sorted(hidden) if found.get(name)}


def secret(platform: Platform, found: Mapping[str, str]) -> set[str]:
    """The variables that are secret: by declaration, or with a password of a URL or of our infrastructure in it."""
    declared = {name for name, variable in platform.desired.env.items() if variable.secret or variable.generate}
    passwords = set(_passwords(platform.instance))
    return {
        name for name, value in found.items()
        if name in declared or any(patterns.userinfo(value)) or any(each in value for each in passwords)
    }  # fmt: skip


def _passwords(instance: Instance) -> Iterable[str]:
    """Those that were made for the infrastructure of this instance."""
    for path in (instance.state / "secrets").glob("*"):
        with contextlib.suppress(OSError):
            word = own_files.text(path)
            yield from (word, services_password(word)) if word else ()
