"""Whether `install` and `lock` of a service name an installer of its language, and a file of the checkout."""

from __future__ import annotations

import os
from pathlib import Path

from converge import kinds, toml
from converge.desired import Loaded, Service
from converge.installers import rows


def check(loaded: Loaded) -> None:
    """DevError with the line of the key."""
    for name, service in loaded.desired.services.items():
        _check_install(loaded, name, service)
        _check_lock(loaded, name, service)


def _check_install(loaded: Loaded, name: str, service: Service) -> None:
    family = kinds.SERVICES[service.kind].packages
    if not service.install or not family or rows.of_name(service.install)[0].family == family:
        return
    those = dict.fromkeys(row.name for row in rows.of_family(family))
    raise toml.refuse(
        "value-wrong", f"{service.install} installs nothing for {name}", loaded.source(f"services.{name}.install"),
        f"kind {service.kind} runs packages of {family}", f"use one of {', '.join(those)}",
    )  # fmt: skip


def _check_lock(loaded: Loaded, name: str, service: Service) -> None:
    if service.lock is None:
        return
    at, family = loaded.source(f"services.{name}.lock"), kinds.SERVICES[service.kind].packages
    whole = os.path.normpath(Path(service.path, service.lock))
    if os.path.isabs(service.lock) or whole.split(os.sep)[0] == "..":
        raise toml.refuse(
            "bad-path", f"lock of {name} leaves the checkout: {service.lock!r}", at,
            "a lock file is committed with what it is for", "use a path relative to `path` of the service",
        )  # fmt: skip
    row = rows.of_file(Path(whole).name)
    known = {service.install, family or None} & {row.name, row.family} if row else service.install
    if not known:
        raise toml.refuse(
            "value-wrong", f"{service.lock!r} is not a lock file for {name}", at,
            "its name tells no installer, or one of another language", 'name it too: install = "uv"',
        )  # fmt: skip
