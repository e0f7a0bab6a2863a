"""Snapshots as files outside of the database server, so that they outlive its volume or its directory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import atomic, own_files
from converge.errors import DevError
from converge.instance import Instance
from runtime.component import InfraComponent
from runtime.data import transfer
from runtime.infra import postgres
from runtime.platform import Platform
from runtime.provision import migrations

ROLES = "SELECT rolname FROM pg_roles"
ROLE = re.compile(r'(?:CREATE|ALTER) ROLE (?:"((?:[^"]|"")+)"|([^\s";]+))')
"""A line of pg_dumpall about one role, whose name is quoted or not."""


def directory(instance: Instance) -> Path:
    """Where they are: one directory for each snapshot."""
    return instance.state / "snapshots"


def there(component: InfraComponent, database: str, name: str) -> bool:
    """Whether the snapshot of the database is written whole: what describes it is written last."""
    return _path(component, database, name).with_suffix(".json").exists()


def names(component: InfraComponent, database: str) -> set[str]:
    """Names of all written snapshots of the database."""
    found = directory(component.instance)
    return {path.parent.name for path in found.glob(f"*/{component.name}.{database}.json")}


def save(platform: Platform, component: InfraComponent, database: str, name: str, copy: str) -> None:
    """Write the snapshot, which is the database `copy` of the server, with its roles and its records of migrations."""
    path = _path(component, database, name)
    for each in (path.parent.parent, path.parent):
        each.mkdir(mode=0o700, exist_ok=True)
    _put(platform, component, ["pg_dumpall", "--roles-only"], path.with_suffix(".roles"))
    digest = _put(platform, component, ["pg_dump", "--format=custom", "--compress=1", "-d", transfer.named(copy)], path)
    about = {"digest": digest, "migrations": migrations.records(platform, component, copy)}
    atomic.write(path.with_suffix(".json"), json.dumps(about, sort_keys=True))


def _put(platform: Platform, component: InfraComponent, argv: list[str], target: Path) -> str:
    """Write the output of one of Postgres' programs whole or not at all; gives its digest."""
    fresh = target.with_name(atomic.temporary(target.name))
    try:
        transfer.pour(platform, component, argv, fresh)
        fresh.chmod(0o600)
        digest = _digest(fresh)
        fresh.replace(target)
        return digest
    finally:
        fresh.unlink(missing_ok=True)


def load(platform: Platform, component: InfraComponent, database: str, name: str, copy: str) -> None:
    """Make the database `copy` from the written snapshot; after DevError `copy-failed` there is no such database."""
    path = _path(component, database, name)
    about = _about(path)
    if about.get("digest") != _digest(path):
        raise DevError(
            "copy-failed", f"the snapshot {name} of {database} is damaged",
            because=f"{path} is not the file that was written", hint=f"./dev data delete {name}; no data were changed",
        )  # fmt: skip
    known = set(postgres.sql(platform, component, ROLES).splitlines())
    for line in _text(path.with_suffix(".roles")).splitlines():
        role = ROLE.match(line)
        if role and (role[2] or role[1].replace('""', '"')) not in known:
            postgres.sql(platform, component, line)
    postgres.sql(platform, component, f"CREATE DATABASE {postgres.quoted(copy)}")
    try:
        transfer.pour(platform, component, ["pg_restore", "--exit-on-error", "-d", transfer.named(copy)], None, path)
    except BaseException:
        postgres.sql(platform, component, f"DROP DATABASE IF EXISTS {postgres.quoted(copy)} WITH (FORCE)")
        raise
    migrations.record(platform, component, copy, about.get("migrations", {}))


def drop(component: InfraComponent, database: str, name: str) -> None:
    """Delete the written snapshot of the database."""
    path = _path(component, database, name)
    for suffix in (".dump", ".json", ".roles"):
        path.with_suffix(suffix).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def drop_all(instance: Instance) -> None:
    """Delete all of them, with the data that they are of."""
    shutil.rmtree(directory(instance), ignore_errors=True)


def _path(component: InfraComponent, database: str, name: str) -> Path:
    return directory(component.instance) / name / f"{component.name}.{database}.dump"


def _digest(path: Path) -> str:
    with os.fdopen(own_files.opened(path, os.O_RDONLY), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _about(path: Path) -> Mapping[str, Any]:
    try:
        found = own_files.document(path.with_suffix(".json"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    try:
        return own_files.text(path)
    except OSError:
        return ""
