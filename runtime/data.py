"""Data of embedded databases: put aside and back by Postgres' own TEMPLATE, or made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from converge.desired import Infra, Loaded
from converge.errors import DevError, Exit
from converge.instance import Instance, check_name
from runtime import boxes, move, placements, platform
from runtime import start as starting
from runtime.component import Component, components
from runtime.infra import postgres
from runtime.placements import choice
from runtime.provision import migrations, notes
from runtime.provision import postgres as inside

SEPARATOR = "@"
"""Between a database and the snapshot it belongs to; no declared name has it."""
LONGEST = 63
"""Bytes of a name in Postgres; what is longer is cut silently, so that two names could be one."""


def snapshot(loaded: Loaded, instance: Instance, name: str, force: bool = False) -> list[str]:
    """Copy every declared database; gives the copies' names. Raises `snapshot-exists` unless `force`."""
    check_name(name)
    reopen(loaded, instance)
    made = []
    for component, database in _databases(loaded, instance):
        copy = _copy(database, name)
        if copy in _there(loaded, component):
            if not force:
                raise DevError(
                    "snapshot-exists", f"there is a snapshot {name!r} already",
                    hint="choose another name, or replace it with --force", exit=Exit.USAGE,
                )  # fmt: skip
            _drop(loaded, component, copy)
        with _alone(loaded, component, database):
            _fill(loaded, component, f'CREATE DATABASE "{copy}" TEMPLATE "{database}"')
        migrations.copied(loaded, component, database, copy)
        made.append(copy)
    return made


def restore(loaded: Loaded, instance: Instance, name: str) -> list[str]:
    """Put the databases of a snapshot in the place of today's; it is kept. Services connect again by themselves."""
    check_name(name)
    reopen(loaded, instance)
    databases = list(_databases(loaded, instance))
    for component, database in databases:
        if _copy(database, name) not in _there(loaded, component):
            known = ", ".join(snapshots(loaded, instance)) or "none"
            raise DevError(
                "snapshot-unknown", f"there is no snapshot {name!r} of {database}", because=f"snapshots are: {known}",
                hint="./dev data list", exit=Exit.USAGE,
            )  # fmt: skip
    for component, database in databases:
        fresh, old = f"{database}{SEPARATOR}{SEPARATOR}fresh", f"{database}{SEPARATOR}{SEPARATOR}old"
        for left in (fresh, old):
            _drop(loaded, component, left)
        template = f'CREATE DATABASE "{fresh}" TEMPLATE "{_copy(database, name)}" OWNER "{database}"'
        _fill(loaded, component, template)
        migrations.copied(loaded, component, _copy(database, name), fresh)
        with _alone(loaded, component, database):
            # one transaction: killed here, the old data or the new are in place, never none
            _sql(
                loaded, component,
                f'ALTER DATABASE "{database}" RENAME TO "{old}"; ALTER DATABASE "{fresh}" RENAME TO "{database}"',
            )  # fmt: skip
        _drop(loaded, component, old)
    return [database for _, database in databases]


def snapshots(loaded: Loaded, instance: Instance) -> list[str]:
    """Names of all snapshots."""
    found = set()
    for component, database in _databases(loaded, instance):
        for name in _there(loaded, component):
            first, _, rest = name.partition(SEPARATOR)
            if first == database and rest and SEPARATOR not in rest:
                found.add(rest)
    return sorted(found)


def delete(loaded: Loaded, instance: Instance, name: str) -> bool:
    """Give a snapshot up; whether there was one."""
    reopen(loaded, instance)
    if name not in snapshots(loaded, instance):
        return False
    for component, database in _databases(loaded, instance):
        _drop(loaded, component, _copy(database, name))
    return True


def reopen(loaded: Loaded, instance: Instance) -> list[str]:
    """Open what a snapshot or restore that was killed left closed; gives names. The checkout's lock must be held."""
    servers = [
        each for each in components(loaded, instance).values() if each.kind == "postgres" and not each.is_service
    ]
    return [name for server in servers for name in inside.reopen(server)]


def reset(loaded: Loaded, instance: Instance, on_event: starting.Listener) -> dict[str, DevError]:
    """Make all data anew: whatever ran is stopped, data directories go (with all snapshots), what ran starts again."""
    everyone = components(loaded, instance)
    ran = [name for name, component in everyone.items() if placements.lives(component)]
    try:
        platform.stop(loaded, instance, None)
        gone = False
    except DevError as problem:  # an engine that is gone keeps what it has; nobody asks for that any more
        if problem.code != "engine-lost":
            raise
        on_event("data", f"left on an engine that does not answer: {boxes.trace(instance)}", 0.0)
        gone = True
    for component in everyone.values():
        if not component.is_service:
            move.give_up(component, "native")
            if not gone:
                move.give_up(component, "docker")
            choice.forget(component)
            notes.forget(component)
    if gone:
        instance.engine_record.unlink(missing_ok=True)
    return starting.start(loaded, instance, ran, on_event) if ran else {}


def _databases(loaded: Loaded, instance: Instance) -> Iterator[tuple[Component, str]]:
    for component in components(loaded, instance).values():
        if isinstance(component.wants, Infra) and component.kind == "postgres":
            if not placements.certain(component).lives:
                raise DevError(
                    "not-ready", f"{component.name} does not run", because="its data are reached through it",
                    hint=f"./dev start {component.name}",
                )  # fmt: skip
            for database in component.wants.databases:
                yield component, database


def _copy(database: str, name: str) -> str:
    copy = f"{database}{SEPARATOR}{name}"
    if len(copy.encode()) > LONGEST:
        raise DevError("usage", f"{name!r} is too long for {database}", hint="choose a shorter name", exit=Exit.USAGE)
    return copy


def _there(loaded: Loaded, component: Component) -> set[str]:
    return set(_sql(loaded, component, "SELECT datname FROM pg_database").splitlines())


def _drop(loaded: Loaded, component: Component, database: str) -> None:
    _sql(loaded, component, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@contextmanager
def _alone(loaded: Loaded, component: Component, database: str) -> Iterator[None]:
    """Nobody is connected and nobody can be; the limit holds for everyone but the superuser, so it is set first."""
    try:
        _sql(loaded, component, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        end = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'"
        _sql(loaded, component, end)
        yield
    finally:
        _sql(loaded, component, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')


def _fill(loaded: Loaded, component: Component, create: str) -> None:
    postgres.sql(loaded, component, f"{create} STRATEGY FILE_COPY", patience=postgres.COPYING)


_sql: Callable[[Loaded, Component, str], str] = postgres.sql
