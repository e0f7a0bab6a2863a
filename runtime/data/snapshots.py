"""Data of databases: snapshot and restore by Postgres' own TEMPLATE and by files outside of the server, or reset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from converge.errors import DevError, Exit
from converge.instance import check_name, is_name
from runtime import infra, placements
from runtime import start as starting
from runtime.component import InfraComponent
from runtime.data import dumps, transfer
from runtime.docker import containers
from runtime.infra import postgres
from runtime.placements import choice
from runtime.placements.choice import Asked
from runtime.platform import Platform
from runtime.provision import having, migrations, notes
from runtime.provision import postgres as inside
from runtime.start import home
from runtime.stop import stop

SEPARATOR = "@"
"""Separator between the names of a database and its snapshot; no declared name contains it."""
LONGEST = 63
"""The most bytes of a name in Postgres; longer names are truncated silently, so that two could be equal."""


def snapshot(platform: Platform, name: str, force: bool = False) -> list[str]:
    """Copy every declared database; gives the copies' names. Raises `snapshot-exists` unless `force`."""
    check_name(name)
    reopen(platform)
    made, databases = [], _some(platform)
    for component, database in databases:
        copy = _copy(database, name)
        if not force and (copy in _there(platform, component) or dumps.there(component, database, name)):
            raise DevError(
                "snapshot-exists", f"there is a snapshot {name!r} already",
                hint="choose another name, or replace it with --force", exit=Exit.USAGE,
            )  # fmt: skip
    for component, database in databases:
        copy, fresh = _copy(database, name), f"{database}{SEPARATOR}{SEPARATOR}new"
        _drop(platform, component, fresh)
        try:
            with _alone(platform, component, database):
                _fill(platform, component, f'CREATE DATABASE "{fresh}" TEMPLATE "{database}"')
            migrations.copied(platform, component, database, fresh)
            dumps.save(platform, component, database, name, fresh)
        except BaseException:
            with suppress(DevError):
                _drop(platform, component, fresh)
            raise
        _drop(platform, component, copy)
        _sql(platform, component, f'ALTER DATABASE "{fresh}" RENAME TO "{copy}"')
        made.append(copy)
    return made


def restore(platform: Platform, name: str) -> list[str]:
    """Replace the databases by those of a snapshot, which is kept. Services connect again automatically."""
    check_name(name)
    reopen(platform)
    databases = _some(platform)
    for component, database in databases:
        if _copy(database, name) not in _there(platform, component) and not dumps.there(component, database, name):
            known = ", ".join(snapshots(platform)) or "none"
            raise DevError(
                "snapshot-unknown", f"there is no snapshot {name!r} of {database}", because=f"snapshots are: {known}",
                hint="./dev data list", exit=Exit.USAGE,
            )  # fmt: skip
    for component, database in databases:  # all files are read before any data are replaced
        if _copy(database, name) not in _there(platform, component):
            dumps.load(platform, component, database, name, _copy(database, name))
    for component, database in databases:
        fresh, old = f"{database}{SEPARATOR}{SEPARATOR}fresh", f"{database}{SEPARATOR}{SEPARATOR}old"
        for left in (fresh, old):
            _drop(platform, component, left)
        template = f'CREATE DATABASE "{fresh}" TEMPLATE "{_copy(database, name)}" OWNER "{database}"'
        _fill(platform, component, template)
        inside.hand_over(platform, component, fresh)  # a snapshot may be from before services had a role
        migrations.copied(platform, component, _copy(database, name), fresh)
        with _alone(platform, component, database):
            # one transaction: if killed here, either the old or the new data exist
            _sql(
                platform, component,
                f'ALTER DATABASE "{database}" RENAME TO "{old}"; ALTER DATABASE "{fresh}" RENAME TO "{database}"',
            )  # fmt: skip
        _drop(platform, component, old)
    return [database for _, database in databases]


def write_old(platform: Platform) -> dict[str, DevError | OSError]:
    """Write the snapshots of earlier versions, which exist only in the server; gives those that could not be written.

    Databases of the server -> why not.
    """
    failed: dict[str, DevError | OSError] = {}
    for component, database in _databases(platform):
        for name in sorted(_inside(platform, component, database) - dumps.names(component, database)):
            try:
                dumps.save(platform, component, database, name, _copy(database, name))
            except (DevError, OSError) as problem:
                failed[_copy(database, name)] = problem
    return failed


def snapshots(platform: Platform) -> list[str]:
    """Names of all snapshots."""
    found: set[str] = set()
    for component, database in _databases(platform):
        found |= _inside(platform, component, database) | dumps.names(component, database)
    return sorted(found)


def delete(platform: Platform, name: str) -> bool:
    """Delete a snapshot; whether it existed."""
    reopen(platform)
    if name not in snapshots(platform):
        return False
    for component, database in _databases(platform):
        dumps.drop(component, database, name)
        _drop(platform, component, _copy(database, name))
    return True


def shut(platform: Platform) -> bool:
    """Whether an interrupted snapshot or restore left a database closed, or one is being made."""
    return any(inside.shut(server) for server in having(platform, "databases"))


def reopen(platform: Platform) -> list[str]:
    """Open databases that an interrupted snapshot or restore left closed; gives names. Needs the checkout's lock."""
    return [name for server in having(platform, "databases") for name in inside.reopen(platform, server)]


def reset(platform: Platform, on_event: starting.Listener) -> dict[str, DevError]:
    """Delete all data with all snapshots: stop what runs, delete the data directories, start what ran before."""
    found = {name: placements.look(component) for name, component in platform.components.items()}
    ran = [name for name, seen in found.items() if seen.lives]
    asked = Asked(stay=home.again(platform.services, found))
    try:
        stop(platform, None)
        gone = False
    except DevError as problem:  # data on an engine that does not answer stay there
        if problem.code != "engine-lost":
            raise
        on_event("data", f"left on an engine that does not answer: {containers.trace(platform.instance)}", 0.0)
        gone = True
    for component in platform.infra.values():
        transfer.give_up(component, "native")
        if not gone:
            transfer.give_up(component, "docker")
        choice.forget(component)
        notes.forget(component)
    dumps.drop_all(platform.instance)
    if gone:
        platform.instance.engine_record.unlink(missing_ok=True)
    return starting.start(platform, ran, on_event, asked) if ran else {}


def _some(platform: Platform) -> list[tuple[InfraComponent, str]]:
    """The declared databases, at least one: a snapshot of nothing would be called saved."""
    if found := list(_databases(platform)):
        return found
    raise DevError(
        "snapshot-nothing", "there are no data of which ./dev makes snapshots",
        because="no component of [infra] is a Postgres with `databases`",
        hint="save the data of other components with their own programs", exit=Exit.USAGE,
    )  # fmt: skip


def _databases(platform: Platform) -> Iterator[tuple[InfraComponent, str]]:
    for component in platform.infra.values():
        if infra.kind(component).copied_by_sql:
            if not placements.certain(component).lives:
                raise DevError(
                    "not-ready", f"{component.name} does not run", because="its data are reached through it",
                    hint=f"./dev start {component.name}",
                )  # fmt: skip
            for database in component.wants.databases:
                yield component, database


def _inside(platform: Platform, component: InfraComponent, database: str) -> set[str]:
    """Names of the database's snapshots that the server has."""
    found = set()
    for name in _there(platform, component):
        first, _, rest = name.partition(SEPARATOR)
        if first == database and is_name(rest):  # another user of the server may have made one of any name
            found.add(rest)
    return found


def _copy(database: str, name: str) -> str:
    copy = f"{database}{SEPARATOR}{name}"
    if len(copy.encode()) > LONGEST:
        raise DevError("usage", f"{name!r} is too long for {database}", hint="choose a shorter name", exit=Exit.USAGE)
    return copy


def _there(platform: Platform, component: InfraComponent) -> set[str]:
    return set(_sql(platform, component, "SELECT datname FROM pg_database").splitlines())


def _drop(platform: Platform, component: InfraComponent, database: str) -> None:
    _sql(platform, component, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@contextmanager
def _alone(platform: Platform, component: InfraComponent, database: str) -> Iterator[None]:
    """Without other connections; the limit does not apply to superusers, so it is set before they are disconnected."""
    try:
        _sql(platform, component, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        end = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'"
        _sql(platform, component, end)
        yield
    finally:
        _sql(platform, component, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')


def _fill(platform: Platform, component: InfraComponent, create: str) -> None:
    postgres.sql(platform, component, f"{create} STRATEGY FILE_COPY", timeout=postgres.COPY_TIMEOUT)


_sql: Callable[[Platform, InfraComponent, str], str] = postgres.sql
