"""What is inside a Postgres: one query reads its databases, roles and identity; statements make what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from converge.derived import SERVICES, services_password
from converge.errors import DevError
from facts.engine import EngineError
from facts.value import dataclass, field
from runtime import placements
from runtime.component import InfraComponent
from runtime.infra import postgres, superuser, wire
from runtime.placements.seen import lost
from runtime.platform import Platform
from runtime.provision import ownership, roles

LOOK_TIMEOUT = 2.0
"""Seconds that a server has for each answer in a look."""
PROVISION_TIMEOUT = 30.0
"""The same where something is made afterwards: a busy machine must not fail a start."""
STATEMENT_TIMEOUT = 60.0
"""Seconds for a statement that changes something."""
STARTING = ("57P03", "57P01", "57P02")
"""SQLSTATEs of a server that starts up or shuts down."""
WRONG_PASSWORD = "28P01"
"""28000 is another refusal: the role may not log in, or pg_hba.conf has no entry for it."""
OVERVIEW = f"""
SELECT 'system', system_identifier::text, '', '' FROM pg_control_system()
UNION ALL SELECT 'role', rolname, rolcanlogin::text, rolsuper::text FROM pg_roles
UNION ALL SELECT CASE WHEN datallowconn THEN 'open' ELSE 'closed' END, datname, oid::text, pg_get_userbyid(datdba)
FROM pg_database
UNION ALL SELECT 'access', datname, '', '' FROM pg_database d JOIN pg_roles r ON rolname = '{SERVICES}'
WHERE has_database_privilege(r.oid, d.oid, 'CREATE')"""


@dataclass(frozen=True)
class Database:
    """One database as it was looked up; `oid` differs after it was made again under the same name."""

    oid: str
    owner: str
    open: bool
    extensions: frozenset[str] = frozenset()
    """Only of declared databases, and only where extensions are declared."""


@dataclass(frozen=True)
class Inside:
    """A server that answers."""

    system: str
    """Identity of its data directory; initdb gives each directory a new one."""
    databases: Mapping[str, Database] = field(default_factory=dict)
    roles: Mapping[str, bool] = field(default_factory=dict)
    """Role -> whether it may log in."""
    superusers: frozenset[str] = frozenset()
    """Roles with all rights."""
    accessible: frozenset[str] = frozenset()
    """Databases in which the role of services may make what it wants."""

    @property
    def has_services(self) -> bool:
        """Whether services can log in by their role, and have no rights over the server."""
        return self.roles.get(SERVICES, False) and SERVICES not in self.superusers


@dataclass(frozen=True)
class Closed:
    """A server that could not be inspected: it does not run, is not ready, or refuses the password, for example."""

    why: Literal["stopped", "starting", "password", "unknown"]
    because: str = ""


def look(component: InfraComponent, timeout: float = LOOK_TIMEOUT) -> Inside | Closed:
    """The content of the server now; a server that does not run is not asked."""
    seen = placements.look(component)
    if not seen.lives:
        return Closed("stopped")
    if seen.state == "paused":
        return Closed("starting", seen.reason)
    try:
        with _connect(component, timeout=timeout) as connection:
            rows = connection.query(OVERVIEW)
        return _inside(component, rows, timeout)
    except wire.Refused as problem:
        if problem.code in STARTING:
            return Closed("starting", str(problem))
        return Closed("password" if problem.code == WRONG_PASSWORD else "unknown", str(problem))
    except ConnectionError as problem:
        return Closed("starting", str(problem))
    except OSError as problem:
        return Closed("unknown", str(problem) or type(problem).__name__)


def served(component: InfraComponent, inside: Inside) -> bool:
    """Whether services can log in: by their role, or as the user that the entry itself names."""
    return inside.has_services or superuser.given(component) is not None


def lacks(component: InfraComponent, name: str, inside: Inside) -> tuple[str, ...]:
    """The differences of one database from its declaration, as short phrases."""
    database, found = inside.databases.get(name), list[str]()
    if superuser.given(component) is not None:
        return _lacks_of_team(component, database)
    if name not in inside.roles:
        found.append(f"no role {name}")
    elif not inside.roles[name]:
        found.append(f"role {name} may not log in")
    if database is None:
        return ("missing", *found)
    if not database.open:
        found.append("closed to connections")
    if database.owner != name and name in inside.roles:
        found.append(f"owned by {database.owner}")
    if not inside.has_services or name not in inside.accessible:
        found.append("no rights of services")
    missing = [each for each in component.wants.extensions if database.open and each not in database.extensions]
    return (*found, *(f"no extension {each}" for each in missing))


def _lacks_of_team(component: InfraComponent, database: Database | None) -> tuple[str, ...]:
    """The same where the team's own user has the databases: owners and rights are its choice."""
    if database is None:
        return ("missing",)
    missing = [each for each in component.wants.extensions if database.open and each not in database.extensions]
    return (*(() if database.open else ("closed to connections",)), *(f"no extension {each}" for each in missing))


def make(platform: Platform, component: InfraComponent, name: str, inside: Inside) -> tuple[str, ...]:
    """Make one declared database whole: its role, itself, its owner, its extensions, the rights of services.

    Gives the objects that only a superuser can own, and that were not handed over. Raises DevError `sql-failed`.
    """
    database, quoted = inside.databases.get(name), postgres.quoted(name)
    statements = []
    own = superuser.given(component) is not None
    owner = postgres.quoted(superuser.name(component)) if own else quoted
    if own or name == SERVICES:
        pass
    elif name not in inside.roles:
        verifier = wire.verifier(postgres.service_password(component))
        statements.append(f"CREATE ROLE {quoted} LOGIN PASSWORD '{verifier}'")
    elif not inside.roles.get(name, True):
        statements.append(f"ALTER ROLE {quoted} LOGIN")
    if database is None:
        statements.append(f"CREATE DATABASE {quoted} OWNER {owner}")
    else:
        if not database.open:
            statements.append(f"ALTER DATABASE {quoted} ALLOW_CONNECTIONS true")
        if database.owner != name and not own:
            statements.append(f"ALTER DATABASE {quoted} OWNER TO {quoted}")
    _run(platform, component, "postgres", statements)
    extensions = component.wants.extensions
    if extensions:  # one that does not choose its schema is made in the first of the search path
        made = [f"CREATE EXTENSION IF NOT EXISTS {postgres.quoted(each)}" for each in extensions]
        _run(platform, component, name, ["SET search_path TO public", *made])
    kept: tuple[str, ...] = ()
    if name not in inside.accessible and not own:  # the rights come last: an interrupted run begins again
        kept = hand_over(platform, component, name)
        if name != SERVICES:
            _run(platform, component, "postgres", [roles.grant(name, name in inside.superusers)])
    return kept


def make_role(platform: Platform, component: InfraComponent, inside: Inside) -> None:
    """Make the role of services, or repair it. Raises DevError `sql-failed`."""
    if not served(component, inside):
        _run(platform, component, "postgres", [roles.make(component, SERVICES in inside.roles)])


def hand_over(platform: Platform, component: InfraComponent, database: str) -> tuple[str, ...]:
    """Give the role of services what the superuser owns in a database; what it keeps. Raises DevError `sql-failed`."""
    kept = _run(platform, component, database, [ownership.HAND_OVER, ownership.OWNED])
    return tuple(sorted(str(row[0]) for row in kept))


def shut(component: InfraComponent) -> list[str]:
    """Declared databases that accept no connection; DevError `sql-failed` if that cannot be read."""
    inside = look(component)
    if isinstance(inside, Closed):
        return []
    there = [name for name in component.wants.databases if name in inside.databases]
    return [name for name in there if not inside.databases[name].open]


def reopen(platform: Platform, component: InfraComponent) -> list[str]:
    """Open every declared database that an interrupted snapshot left closed; gives their names.

    Raises DevError `sql-failed`.
    """
    closed = shut(component)
    statements = [f"ALTER DATABASE {postgres.quoted(name)} ALLOW_CONNECTIONS true" for name in closed]
    _run(platform, component, "postgres", statements)
    return closed


def set_password(component: InfraComponent) -> None:
    """Set the password in a volume that was made with another; the container accepts its own users by socket."""
    from runtime.placements import docker  # saves 1.5 ms of a doctor where no component runs in Docker

    word, user = postgres.password(component), superuser.name(component)
    quoted = word.replace("'", "''")
    names = ", ".join(f"'{name}'" for name in (SERVICES, *component.wants.databases))
    text = (
        f"ALTER ROLE {postgres.quoted(user)} PASSWORD '{quoted}';\n"
        f"SELECT format('ALTER ROLE %I PASSWORD %L', rolname, '{services_password(word)}') FROM pg_roles "
        f"WHERE rolname IN ({names}) AND NOT rolsuper \\gexec\n"
    )
    shell = 'printf %s "$DEV_STATEMENTS" | psql -XAtq -v ON_ERROR_STOP=1 -U "$DEV_USER" -d postgres'
    try:
        code, out = docker.execute(component, ["sh", "-c", shell], {"DEV_STATEMENTS": text, "DEV_USER": user})
    except EngineError as problem:
        raise lost(f"{component.name} did not take its password", problem) from problem
    if code:
        raise DevError(
            "sql-failed", f"{component.name} did not take its password",
            because=out.strip() or f"psql ended with {code}",
            hint="./dev data reset, which deletes its data, or put the earlier password back",
        )  # fmt: skip


def _inside(component: InfraComponent, rows: list[wire.Row], timeout: float) -> Inside:
    system, logins, databases = "", {}, {}
    superusers, accessible = set(), set()
    for kind, name, value, owner in rows:
        if kind == "system":
            system = str(name)
        elif kind == "role":
            logins[str(name)] = value == "true"
            superusers |= {str(name)} if owner == "true" else set()
        elif kind == "access":
            accessible.add(str(name))
        else:
            databases[str(name)] = Database(str(value), str(owner), kind == "open")
    wants = component.wants
    for name in wants.databases if wants.extensions else ():
        if name in databases and databases[name].open:
            with _connect(component, name, timeout) as connection:
                there = connection.query("SELECT extname FROM pg_extension")
            old = databases[name]
            databases[name] = Database(old.oid, old.owner, True, frozenset(str(row[0]) for row in there))
    return Inside(system, databases, logins, frozenset(superusers), frozenset(accessible))


def _connect(
    component: InfraComponent, database: str = "postgres", timeout: float = PROVISION_TIMEOUT
) -> wire.Connection:
    assert component.port is not None
    password = postgres.known_password(component)
    user = superuser.name(component)
    return wire.Connection(component.port, password, database, user, timeout=timeout, verify=component.verify)


def _run(platform: Platform, component: InfraComponent, database: str, statements: list[str]) -> list[wire.Row]:
    """The rows of the last statement."""
    rows: list[wire.Row] = []
    if not statements:
        return rows
    statement = ""
    try:
        with _connect(component, database) as connection:
            for statement in statements:
                rows = connection.query(statement, STATEMENT_TIMEOUT)
    except (wire.Refused, OSError) as problem:
        what = statement.split(" PASSWORD")[0].strip().partition("\n")[0][:200] or f"a connection to {database}"
        raise DevError(
            "sql-failed", f"{component.name} refused: {what}", because=str(problem) or type(problem).__name__,
            hint=f"see ./dev logs {component.name}", source=platform.source(component, "databases"),
        ) from problem  # fmt: skip
    return rows
