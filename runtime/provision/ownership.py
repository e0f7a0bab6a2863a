"""Who owns what is in a database: what services made as superuser, in earlier versions, is given to their role.

`REASSIGN OWNED` refuses the superuser that initdb made. Casts, transforms, parsers and templates of text search, and
access methods have no owner. Rights to `public` are the owner's alone since Postgres 15.
"""

from __future__ import annotations

from converge.derived import SERVICES

ME = "(SELECT oid FROM pg_roles WHERE rolname = current_user)"
OURS = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
OF_COLUMN = """EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = o.oid
 AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))"""
OWN_TYPE = """(typtype IN ('e', 'd', 'r')
 OR typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = o.oid)
 OR typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND c.relkind = 'c'))"""
FIRST_OID = 16384
"""The first number of an object that initdb did not make."""
SCHEMAS: dict[str, tuple[str, str, str]] = {
    "pg_class": ("rel", "format('TABLE %I.%I', nspname, relname)",
                 f"relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT (relkind = 'S' AND {OF_COLUMN})"),
    "pg_proc": ("pro", "format('ROUTINE %s', o.oid::regprocedure)", "true"),
    "pg_type": ("typ", "format('TYPE %s', o.oid::regtype)", OWN_TYPE),
    "pg_operator": ("opr", "format('OPERATOR %s', o.oid::regoperator)", "true"),
    "pg_opclass": ("opc", "format('OPERATOR CLASS %I.%I USING %I', nspname, opcname,"
                   " (SELECT amname FROM pg_am a WHERE a.oid = opcmethod))", "true"),
    "pg_opfamily": ("opf", "format('OPERATOR FAMILY %I.%I USING %I', nspname, opfname,"
                    " (SELECT amname FROM pg_am a WHERE a.oid = opfmethod))", "true"),
    "pg_collation": ("coll", "format('COLLATION %I.%I', nspname, collname)", "true"),
    "pg_conversion": ("con", "format('CONVERSION %I.%I', nspname, conname)", "true"),
    "pg_statistic_ext": ("stx", "format('STATISTICS %I.%I', nspname, stxname)", "true"),
    "pg_ts_config": ("cfg", "format('TEXT SEARCH CONFIGURATION %I.%I', nspname, cfgname)", "true"),
    "pg_ts_dict": ("dict", "format('TEXT SEARCH DICTIONARY %I.%I', nspname, dictname)", "true"),
}  # fmt: skip
"""Catalog of objects in schemas -> prefix of its columns, how ALTER names an object, and which of them can be named."""
OTHERS: dict[str, tuple[str, str, str]] = {
    "pg_namespace": ("nsp", "format('SCHEMA %I', nspname)", f"nspname <> 'public' AND {OURS}"),
    "pg_foreign_data_wrapper": ("fdw", "format('FOREIGN DATA WRAPPER %I', fdwname)", "true"),
    "pg_foreign_server": ("srv", "format('SERVER %I', srvname)", "true"),
    "pg_event_trigger": ("evt", "format('EVENT TRIGGER %I', evtname)", "true"),
    "pg_publication": ("pub", "format('PUBLICATION %I', pubname)", "true"),
    "pg_subscription": ("sub", "format('SUBSCRIPTION %I', subname)",
                        "subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"),
    "pg_language": ("lan", "format('LANGUAGE %I', lanname)", f"o.oid >= {FIRST_OID}"),
    "pg_largeobject_metadata": ("lom", "format('LARGE OBJECT %s', o.oid)", "true"),
}  # fmt: skip
"""The same for objects outside of schemas."""


def _part(catalog: str, prefix: str, name: str, which: str, join: str = "") -> str:
    member = f"SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass AND d.objid = o.oid AND d.deptype = 'e'"
    mine = f"{prefix}owner = {ME} AND {which} AND NOT EXISTS ({member})"
    return f"SELECT {name} AS object FROM {catalog} o {join} WHERE {mine}"


OWNED = "\nUNION ALL ".join(
    [_part(catalog, *words) for catalog, words in OTHERS.items()]
    + [
        _part(catalog, prefix, name, f"{which} AND {OURS}", f"JOIN pg_namespace n ON n.oid = {prefix}namespace")
        for catalog, (prefix, name, which) in SCHEMAS.items()
    ]
)
"""What the current user owns in a database, each as ALTER names it; members of an extension keep their owner."""
HAND_OVER = f"""
DO $hand_over$
DECLARE
  found record;
  kept text[] := ARRAY(SELECT format('ROUTINE %s', evtfoid::regprocedure) FROM pg_event_trigger);
BEGIN
  FOR found IN {OWNED}
  LOOP
    BEGIN
      IF NOT found.object = ANY (kept) THEN
        EXECUTE format('ALTER %s OWNER TO %I', found.object, '{SERVICES}');
      END IF;
    EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR object_not_in_prerequisite_state THEN
      NULL;
    END;
  END LOOP;
END $hand_over$;
GRANT ALL ON SCHEMA public TO {SERVICES}"""
"""Gives them to the role of services; what only a superuser can own, as an event trigger, keeps its owner.

So does the function of an event trigger: it runs as the user who changes something, and that may be the superuser."""
