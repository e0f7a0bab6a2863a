"""Snapshots as files outside of the database server, so that they outlive its volume or its directory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import atomic, own_files
from converge.errors import DevError
from converge.instance import Instance
from runtime.component import InfraComponent
from runtime.data import roles, transfer
from runtime.infra import postgres
from runtime.platform import Platform
from runtime.provision import migrations

SUFFIXES = (".roles", ".dump", ".json")
"""The files of a snapshot of one database, in the order in which they are written; what describes them is the last."""


def there(component: InfraComponent, database: str, name: str) -> bool:
    """Whether the snapshot of the database is written whole: what describes it is written last."""
    return _path(component, database, name).with_suffix(".json").exists()


def names(component: InfraComponent, database: str) -> set[str]:
    """Names of all written snapshots of the database."""
    found = component.instance.snapshots.glob(f"*/{component.name}.{database}.json")
    return {path.parent.name for path in found}


def save(platform: Platform, component: InfraComponent, database: str, name: str, copy: str) -> None:
    """Write the snapshot, which is the database `copy` of the server, with its roles and its records of migrations.

    An earlier one of that name stays as it is until the new one is whole.
    """
    path = _path(component, database, name)
    for each in (path.parent.parent, path.parent):
        each.mkdir(mode=0o700, exist_ok=True)
    fresh = {path.with_suffix(each): path.with_name(atomic.temporary(path.with_suffix(each).name)) for each in SUFFIXES}
    members, dump, about = fresh.values()
    try:
        transfer.pour(platform, component, ["pg_dumpall", "--roles-only"], members)
        argv = ["pg_dump", "--format=custom", "--compress=1", "-d", transfer.named(copy)]
        transfer.pour(platform, component, argv, dump)
        known = {"digest": _digest(dump), "migrations": migrations.records(platform, component, copy)}
        about.write_text(json.dumps(known, sort_keys=True))
        for each in fresh.values():
            each.chmod(0o600)
        for target, each in fresh.items():
            each.replace(target)
    finally:
        for each in fresh.values():
            each.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is empty if this failed
            path.parent.rmdir()


def load(platform: Platform, component: InfraComponent, database: str, name: str, copy: str) -> None:
    """Make the database `copy` from the written snapshot; after DevError `copy-failed` there is no such database."""
    path = _path(component, database, name)
    about = _about(path)
    if about.get("digest") != _digest(path):
        raise DevError(
            "copy-failed", f"the snapshot {name} of {database} is damaged",
            because=f"{path} is not the file that was written", hint=f"./dev data delete {name}; no data were changed",
        )  # fmt: skip
    roles.restore(platform, component, _text(path.with_suffix(".roles")))
    fresh = f"{database}@@load"  # no snapshot has such a name, so that a half of one is never used
    again = f"DROP DATABASE IF EXISTS {postgres.quoted(fresh)} WITH (FORCE)"
    postgres.sql(platform, component, again)
    try:
        postgres.sql(platform, component, f"CREATE DATABASE {postgres.quoted(fresh)} TEMPLATE template0")
        transfer.pour(platform, component, ["pg_restore", "--exit-on-error", "-d", transfer.named(fresh)], None, path)
        migrations.record(platform, component, fresh, about.get("migrations", {}))
        rename = f"ALTER DATABASE {postgres.quoted(fresh)} RENAME TO {postgres.quoted(copy)}"
        postgres.sql(platform, component, rename)
    except BaseException:
        with contextlib.suppress(DevError):
            postgres.sql(platform, component, again)
        raise


def drop(component: InfraComponent, database: str, name: str) -> None:
    """Delete the written snapshot of the database."""
    path = _path(component, database, name)
    for suffix in reversed(SUFFIXES):
        path.with_suffix(suffix).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def drop_all(instance: Instance) -> None:
    """Delete all of them, with the data that they are of."""
    shutil.rmtree(instance.snapshots, ignore_errors=True)


def _path(component: InfraComponent, database: str, name: str) -> Path:
    return component.instance.snapshots / name / f"{component.name}.{database}.dump"


def _digest(path: Path) -> str:
    try:
        with os.fdopen(own_files.opened(path, os.O_RDONLY), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


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
