"""Move data between placements: dump, restore, compare the rows of both sides, then delete the source."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from converge.errors import DevError, Exit
from runtime import infra, placements
from runtime.component import InfraComponent
from runtime.docker import compose, containers
from runtime.infra import postgres
from runtime.placements import choice, docker
from runtime.placements.choice import Asked, Name
from runtime.platform import Platform
from runtime.provision import notes
from runtime.start import Listener, home, start

BY_NAME = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname"
COUNTS = """
SELECT string_agg(format('SELECT %L, count(*) FROM %I.%I',
 translate(format('%I.%I', schemaname, tablename), E'\\n', ' '), schemaname, tablename),
 ' UNION ALL ' ORDER BY schemaname, tablename)
FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"""
"""The statement that counts the rows of all tables of a database; services give them names, which may be SQL."""
TIMEOUT = 3600.0
"""Seconds that one of Postgres' programs has for a database."""
Counts = dict[str, dict[str, str]]
"""Database -> table -> rows."""


def copy(platform: Platform, source: Name, target: Name, on_event: Listener) -> dict[str, Path]:
    """Move every database server's data; gives for each the dump that is kept. What ran before runs afterwards.

    Services run in the placement that they had.

    The source is not changed until all rows are counted in the target; an interrupted copy begins again.
    """
    components = platform.components
    wanted = [c for c in platform.infra.values() if choice.place(c) == source]
    if not wanted:
        raise DevError(
            "no-data", f"no component has its data in placement {source}", hint="./dev status shows where each runs",
            exit=Exit.USAGE,
        )  # fmt: skip
    for component in wanted:
        if not infra.kind(component).copied_by_sql:
            raise DevError(
                "not-movable", f"./dev cannot move the data of {component.name}",
                because=f"it is of kind {component.kind}", exit=Exit.USAGE,
            )  # fmt: skip
        _empty(platform, component, target)
    found = {name: placements.certain(component) for name, component in components.items()}
    ran = [name for name, seen in found.items() if seen.lives]
    asked = Asked(stay=home.again(platform.services, found))
    try:
        dumps = {component.name: _one(platform, component, source, target, on_event) for component in wanted}
    except BaseException:
        start(platform, ran, on_event, asked)
        raise
    if ran:
        _must(start(platform, ran, on_event, asked))
    return dumps


def _one(platform: Platform, component: InfraComponent, source: Name, target: Name, on_event: Listener) -> Path:
    began, instance = time.monotonic(), component.instance

    def tell(text: str) -> None:
        on_event(component.name, text, time.monotonic() - began)

    choice.keep(component, source)
    _users(platform)
    _must(start(platform, [component.name], on_event, Asked(infra=source)))
    dump = instance.state / "dumps" / f"{component.name}-{time.strftime('%Y%m%dT%H%M%S')}"
    dump.mkdir(parents=True, mode=0o700)
    tell("dumping: reading all databases")
    databases = postgres.sql(platform, component, BY_NAME).splitlines()
    before = counts(platform, component, databases)
    pour(platform, component, ["pg_dumpall", "--roles-only"], dump / "roles.sql")
    for index, database in enumerate(databases):
        create = [] if database == "postgres" else ["--create"]
        pour(platform, component, ["pg_dump", *create, "-d", named(database)], dump / f"{index}.sql")
    placements.stop(component)
    mark = choice.copying(component)
    mark.write_text(target)
    notes.forget(component)
    try:
        _must(start(platform, [component.name], on_event, Asked(infra=target, moving=component.name)))
        tell("restoring: writing all databases")
        _restore(platform, component, databases, dump)
        after = counts(platform, component, databases)
        if after != before:
            lost = sorted(name for name in before if before[name] != after.get(name))
            raise DevError("copy-failed", f"the copy of {component.name} differs", because=f"in {', '.join(lost)}")
    except BaseException:
        placements.stop(component)
        give_up(component, target)
        notes.forget(component)
        mark.unlink()
        raise
    choice.keep(component, target)
    mark.unlink()
    give_up(component, source)
    tell(f"done: {sum(len(tables) for tables in before.values())} tables moved")
    return dump


def give_up(component: InfraComponent, placement: Name) -> None:
    """Delete its data in the placement; it must not run."""
    if placement == "docker":
        containers.drop_volumes(component)
    else:
        shutil.rmtree(component.instance.data / component.name, ignore_errors=True)


def _empty(platform: Platform, component: InfraComponent, target: Name) -> None:
    """Refuse a target that has data already, unless they are from an interrupted copy."""
    if choice.copying(component).exists():
        give_up(component, target)
        return
    there = (component.instance.data / component.name).exists()
    if target == "docker":
        found = compose.find(platform)
        if isinstance(found, str):
            raise DevError(
                "docker-unavailable", f"{component.name} cannot be moved to Docker", because=found,
                hint="./dev doctor --fix --only docker",
            )  # fmt: skip
        there = docker.has_data(component, found.engine)
    if there:
        raise DevError(
            "data-there", f"placement {target} has data of {component.name} already",
            because="they would be mixed with those that are moved",
            hint="check them, then delete them by hand; nothing was changed",
        )  # fmt: skip


def _users(platform: Platform) -> None:
    """Stop every service first, so that no data are written meanwhile."""
    for service in platform.services.values():
        placements.stop(service)


def named(database: str) -> str:
    """The database for programs of libpq, which take a name with `=` for settings, as of another host."""
    escaped = database.replace("\\", r"\\").replace("'", r"\'")
    return f"dbname='{escaped}'"


def counts(platform: Platform, component: InfraComponent, databases: list[str]) -> Counts:
    """The rows of every table of the databases."""
    found: Counts = {}
    for database in databases:
        text = postgres.sql(platform, component, COUNTS, database).strip()
        rows = postgres.sql(platform, component, text, database, postgres.COPY_TIMEOUT) if text else ""
        found[database] = dict(row.rsplit("|", 1) for row in rows.split("\n") if row)
    return found


def _restore(platform: Platform, component: InfraComponent, databases: list[str], dump: Path) -> None:
    there = set(postgres.sql(platform, component, "SELECT rolname FROM pg_roles").splitlines())
    lines = (dump / "roles.sql").read_text().splitlines(keepends=True)
    known = {f"CREATE ROLE {quoted};" for name in there for quoted in (name, f'"{name}"')}
    (dump / "roles.sql").write_text("".join(line for line in lines if line.strip() not in known))
    for database in databases:
        if database != "postgres":
            postgres.sql(platform, component, f"DROP DATABASE IF EXISTS {postgres.quoted(database)} WITH (FORCE)")
    for name in ("roles", *(str(index) for index in range(len(databases)))):
        pour(
            platform, component, ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", "postgres"], None, dump / f"{name}.sql"
        )


def pour(
    platform: Platform, component: InfraComponent, argv: list[str], sink: Path | None, source: Path | None = None
) -> None:
    """Run one of Postgres' programs in the placement of the component, with files as input and output."""
    command, env = postgres.client(platform, component, argv)
    with open(source or "/dev/null", "rb") as given, open(sink or "/dev/null", "wb") as taken:
        try:
            ran = subprocess.run(command, env=env, stdin=given, stdout=taken, stderr=subprocess.PIPE, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise DevError(
                "copy-failed", f"{argv[0]} of {component.name} does not end", because=f"it took {TIMEOUT:g} s",
                hint=f"see ./dev logs {component.name}; no data were deleted",
            ) from None  # fmt: skip
    if ran.returncode:
        raise DevError(
            "copy-failed", f"{argv[0]} of {component.name} failed",
            because=ran.stderr.decode(errors="replace").strip()[-500:], hint="no data were deleted",
        )  # fmt: skip


def _must(failed: dict[str, DevError]) -> None:
    for problem in failed.values():
        raise problem
