"""The role by which services reach a Postgres: it has all rights in the declared databases and none over the server."""

from __future__ import annotations

from converge.derived import SERVICES
from runtime.component import InfraComponent
from runtime.infra import postgres, wire

RIGHTS = "LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS CREATEDB"
"""CREATEDB: tests make a database of their own for each run."""
OURS = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
MEMBER = "EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{0}'::regclass AND d.objid = {1}.oid AND d.deptype = 'e')"
"""Whether an object belongs to an extension, which keeps its owner."""
OF_COLUMN = """EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
 AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))"""
HAND_OVER = f"""
DO $hand_over$
DECLARE
  me oid := (SELECT oid FROM pg_roles WHERE rolname = current_user);
  found record;
BEGIN
  FOR found IN
    SELECT format('SCHEMA %I', nspname) AS object FROM pg_namespace n
      WHERE nspowner = me AND nspname <> 'public' AND {OURS} AND NOT {MEMBER.format("pg_namespace", "n")}
    UNION ALL SELECT format('TABLE %I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE relowner = me AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {OURS}
      AND NOT {MEMBER.format("pg_class", "c")} AND NOT (relkind = 'S' AND {OF_COLUMN})
    UNION ALL SELECT format('ROUTINE %s', p.oid::regprocedure) FROM pg_proc p
      JOIN pg_namespace n ON n.oid = pronamespace WHERE proowner = me AND {OURS} AND NOT {MEMBER.format("pg_proc", "p")}
    UNION ALL SELECT format('TYPE %s', t.oid::regtype) FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
      LEFT JOIN pg_class c ON c.oid = typrelid
      WHERE typowner = me AND {OURS} AND NOT {MEMBER.format("pg_type", "t")}
      AND (typtype IN ('e', 'd', 'r') OR typtype = 'c' AND c.relkind = 'c')
    UNION ALL SELECT format('LARGE OBJECT %s', oid) FROM pg_largeobject_metadata WHERE lomowner = me
  LOOP
    EXECUTE format('ALTER %s OWNER TO %I', found.object, '{SERVICES}');
  END LOOP;
END $hand_over$;
GRANT ALL ON SCHEMA public TO {SERVICES}"""
"""Gives all objects of a database that the superuser owns to the role: earlier versions ran services as superuser.

`REASSIGN OWNED` refuses the superuser that initdb made. Rights to `public` are the owner's alone since Postgres 15."""


def make(component: InfraComponent, known: bool) -> str:
    """The statement that makes the role, or gives an existing one its rights and password again.

    It has the verifier of the password, not the password: a server writes statements that fail into its log.
    """
    verifier = wire.verifier(postgres.service_password(component))
    return f"{'ALTER' if known else 'CREATE'} ROLE {SERVICES} {RIGHTS} PASSWORD '{verifier}'"


def grant(database: str, owner_is_superuser: bool) -> str:
    """The statement that gives the role the rights of a database's owner, but never those of a superuser."""
    quoted = '"' + database.replace('"', '""') + '"'
    if owner_is_superuser:
        return f"GRANT ALL ON DATABASE {quoted} TO {SERVICES}"
    return f"GRANT {quoted} TO {SERVICES}"
