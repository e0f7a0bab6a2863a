"""Roles of a written snapshot: they come back with what they are members of and with their settings."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from converge.errors import DevError
from runtime.component import InfraComponent
from runtime.infra import postgres
from runtime.platform import Platform

ROLES = "SELECT rolname FROM pg_roles"
STRONG = """
SELECT r.rolname FROM pg_roles r WHERE EXISTS (SELECT FROM pg_roles p
 WHERE (p.rolsuper OR p.rolcreaterole OR p.rolreplication OR p.rolbypassrls OR starts_with(p.rolname, 'pg_'))
 AND pg_has_role(r.oid, p.oid, 'MEMBER'))"""
"""Roles with power over the server; no other role becomes a member of them by a restore."""
STATEMENT = re.compile(r"""(?:(?:--|\\)[^\n]*\n|\s)*+((?:[^'";]|'(?:[^']|'')*+'|"(?:[^"]|"")*+")++;)""")
"""One statement of pg_dumpall, after comments. A service chooses its settings, whose text may contain whole lines."""
NAME = r"""("(?:[^"]|"")+"|[^\s"';]+)"""
ROLE = re.compile(rf"(?:CREATE|ALTER) ROLE {NAME}( SET )?")
GRANT = re.compile(rf"GRANT {NAME} TO {NAME}[ ;]")


def restore(platform: Platform, component: InfraComponent, text: str) -> None:
    """Run what pg_dumpall wrote about roles: make those that are missing; give all their memberships and settings.

    The superuser stays as it is. Raises DevError `sql-failed` if a role cannot be made.
    """
    known = set(postgres.sql(platform, component, ROLES).splitlines())
    later = []
    for statement in _statements(text):
        role, grant = ROLE.match(statement), GRANT.match(statement)
        if grant or (role and role[2] and _plain(role[1]) != "postgres"):
            later.append((grant, statement))
        elif role and _plain(role[1]) not in known:
            postgres.sql(platform, component, statement)
    strong = set(postgres.sql(platform, component, STRONG).splitlines())
    for grant, statement in later:
        if not grant or _plain(grant[1]) not in strong:
            with contextlib.suppress(DevError):  # another version of Postgres may not know it; the data come first
                postgres.sql(platform, component, statement)


def _statements(text: str) -> Iterator[str]:
    at = 0
    while found := STATEMENT.match(text, at):
        yield found[1]
        at = found.end()


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
