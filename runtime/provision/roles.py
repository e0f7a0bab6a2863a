"""The role by which services reach a Postgres: it has all rights in the declared databases and none over the server."""

from __future__ import annotations

from converge.derived import SERVICES
from runtime.component import InfraComponent
from runtime.infra import postgres, wire

RIGHTS = "LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS CREATEDB"
"""CREATEDB: tests make a database of their own for each run."""


def make(component: InfraComponent, known: bool) -> str:
    """The statement that makes the role, or gives an existing one its rights and password again.

    It has the verifier of the password, not the password: a server writes statements that fail into its log.
    """
    verifier = wire.verifier(postgres.service_password(component))
    return f"{'ALTER' if known else 'CREATE'} ROLE {SERVICES} {RIGHTS} PASSWORD '{verifier}'"


def grant(database: str, owner_is_superuser: bool) -> str:
    """The statement that gives the role the rights of a database's owner, but never those of a superuser."""
    quoted = postgres.quoted(database)
    if owner_is_superuser:
        return f"GRANT ALL ON DATABASE {quoted} TO {SERVICES}"
    return f"GRANT {quoted} TO {SERVICES}"
