"""Services reach Postgres by a role of their own: it owns their data, and is nobody on the server and the machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from converge.derived import SERVICES, services_password
from facts import processes
from runtime.data import transfer
from runtime.environment import addresses
from runtime.infra import postgres, wire
from runtime.provision import databases
from runtime.provision import postgres as inside
from tests.provision.conftest import SLEEPER, Running

ATTACKS = {
    "run a program": "COPY (SELECT 'x') TO PROGRAM 'cat >/dev/null'",
    "run a program for input": "CREATE TEMP TABLE t (x text); COPY t FROM PROGRAM 'id'",
    "write a file": "COPY (SELECT 'x') TO '/tmp/dev-roles-attack'",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
    "list a directory": "SELECT pg_ls_dir('/')",
    "load code": "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'getpid'",
    "become the superuser": "SET ROLE postgres",
    "take its password": "ALTER ROLE postgres PASSWORD 'mine'",
    "read its verifier": "SELECT rolpassword FROM pg_authid",
    "make a role": "CREATE ROLE more LOGIN",
    "make itself a superuser": f"ALTER ROLE {SERVICES} SUPERUSER",
    "configure the server": "ALTER SYSTEM SET archive_command = 'id'",
    "import a file as large object": "SELECT lo_import('/etc/passwd')",
}
OBJECTS = {
    "table": "CREATE TABLE old.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n serial, s text)",
    "partitioned table": "CREATE TABLE old.p (id int) PARTITION BY RANGE (id);"
    "CREATE TABLE old.p1 PARTITION OF old.p DEFAULT",
    "view": "CREATE VIEW old.v AS SELECT * FROM old.t",
    "materialized view": "CREATE MATERIALIZED VIEW old.m AS SELECT 1 AS one",
    "sequence": 'CREATE SEQUENCE old."S q"',
    "function": "CREATE FUNCTION old.f(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "procedure": "CREATE PROCEDURE old.do() LANGUAGE sql AS 'SELECT 1'",
    "aggregate": "CREATE AGGREGATE old.total(int) (SFUNC = int4pl, STYPE = int)",
    "enum": "CREATE TYPE old.mood AS ENUM ('a')",
    "domain": "CREATE DOMAIN old.short AS text CHECK (length(VALUE) < 9)",
    "composite type": "CREATE TYPE old.pair AS (a int, b int)",
    "range": "CREATE TYPE old.span AS RANGE (SUBTYPE = int)",
    "table in public": "CREATE TABLE public.old (x int)",
    "base type": "CREATE TYPE old.base; CREATE FUNCTION old.base_in(cstring) RETURNS old.base LANGUAGE internal"
    " IMMUTABLE STRICT AS 'int4in'; CREATE FUNCTION old.base_out(old.base) RETURNS cstring LANGUAGE internal"
    " IMMUTABLE STRICT AS 'int4out'; CREATE TYPE old.base (INPUT = old.base_in, OUTPUT = old.base_out, LIKE = int4)",
    "operator": "CREATE OPERATOR old.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
    "prefix operator": "CREATE OPERATOR old.@@@ (RIGHTARG = int, FUNCTION = int4um)",
    "operator class": 'CREATE OPERATOR CLASS old."C s" FOR TYPE int USING hash AS'
    " OPERATOR 1 =, FUNCTION 1 hashint4(int)",
    "operator family": "CREATE OPERATOR FAMILY old.family USING btree",
    "collation": "CREATE COLLATION old.coll (LOCALE = 'C')",
    "conversion": "CREATE CONVERSION old.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    "statistics": "CREATE TABLE old.wide (a int, b int); CREATE STATISTICS old.stats ON a, b FROM old.wide",
    "text search configuration": "CREATE TEXT SEARCH CONFIGURATION old.conf (COPY = pg_catalog.simple)",
    "text search dictionary": "CREATE TEXT SEARCH DICTIONARY old.dict (TEMPLATE = pg_catalog.simple)",
    "foreign table": "CREATE FOREIGN DATA WRAPPER old_wrapper;"
    "CREATE SERVER old_server FOREIGN DATA WRAPPER old_wrapper; CREATE FOREIGN TABLE old.far (x int) SERVER old_server",
    "publication": "CREATE PUBLICATION old_some FOR TABLE old.wide; CREATE PUBLICATION old_all FOR ALL TABLES",
    "subscription": "CREATE SUBSCRIPTION old_sub CONNECTION 'host=127.0.0.1 password=x' PUBLICATION old_all"
    " WITH (connect = false, slot_name = NONE, enabled = false)",
    "event trigger": "CREATE FUNCTION old.seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
    "CREATE EVENT TRIGGER old_seen ON ddl_command_end EXECUTE FUNCTION old.seen()",
    "language": "CREATE LANGUAGE old_language HANDLER plpgsql_call_handler",
}
KEPT = ("EVENT TRIGGER old_seen", "FOREIGN DATA WRAPPER old_wrapper", "ROUTINE old.seen()")
"""What only a superuser can own, and what would run as the superuser."""
DROPS = (
    "DROP PUBLICATION old_some, old_all; DROP SUBSCRIPTION old_sub; DROP SERVER old_server CASCADE;"
    "DROP LANGUAGE old_language; DROP SCHEMA old CASCADE; DROP TABLE public.old;"
    "SELECT lo_unlink(oid) FROM pg_largeobject_metadata"
)
WATCH = """
import os, select, sys
secrets = [word.encode() for word in sys.stdin.readline().split()]
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
print("ready", flush=True)
looks = 0
while not select.select([sys.stdin], [], [], 0.002)[0]:
    for pid in os.listdir("/proc"):
        try:
            line = open(f"/proc/{pid}/cmdline", "rb").read() if pid.isdigit() else b""
        except OSError:
            continue
        looks += 1
        line = line.replace(b"/run/secrets/POSTGRES_PASSWORD", b"")  # a file's name, which entrypoints give to `cat`
        if any(secret in line for secret in secrets):
            print("SEEN", line.replace(b"\\0", b" ").decode(errors="replace"), flush=True)
print("looks", looks, flush=True)
"""


@contextmanager
def services(running: Running, database: str) -> Iterator[wire.Connection]:
    """A connection with what a service is given."""
    url = addresses(running.now, running.postgres)["url"]
    user, _, word = url.removeprefix("postgresql://").partition("@")[0].partition(":")
    with wire.Connection(running.port, word, database, user, timeout=60, path="public") as connection:
        yield connection


@pytest.fixture
def shop(running: Running) -> Iterator[str]:
    """A database that is declared and made."""
    running.declare("databases = ['roles']")
    databases.provision(running.now, running.postgres, lambda text: None)
    yield "roles"
    running.declare()
    running.sql('DROP DATABASE "roles" WITH (FORCE)')


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_service_has_no_power_over_server_and_machine(running: Running, shop: str, attack: str) -> None:
    with services(running, shop) as connection, pytest.raises(wire.Refused) as refused:
        connection.query(ATTACKS[attack])
    assert refused.value.code == "42501", "refused for want of rights, not for another reason"


def test_a_service_does_all_in_its_databases_and_makes_some_for_tests(running: Running, shop: str) -> None:
    with services(running, shop) as connection:
        connection.query("CREATE SCHEMA s; CREATE TABLE s.t (x int); INSERT INTO s.t VALUES (1)")
        connection.query("ALTER TABLE s.t ADD COLUMN y int; CREATE TABLE public.t (x int); DROP SCHEMA s CASCADE")
        connection.query('CREATE DATABASE "roles-test"')
        connection.query('DROP DATABASE "roles-test" WITH (FORCE)')


def test_data_that_services_made_as_superuser_are_handed_over(running: Running, shop: str) -> None:
    running.sql(f'REVOKE "{shop}" FROM {SERVICES}')
    running.sql("CREATE SCHEMA old", shop)
    for statement in OBJECTS.values():
        running.sql(statement, shop)
    running.sql("INSERT INTO old.t (s) VALUES ('kept'); SELECT lo_create(0)", shop)
    seen = inside.look(running.postgres)
    assert isinstance(seen, inside.Inside)
    assert inside.lacks(running.postgres, shop, seen) == ("no rights of services",)
    said: list[str] = []
    databases.provision(running.now, running.postgres, said.append)
    assert [text for text in said if "keeps" in text] == [
        f"the superuser keeps what only it can own in {shop}: {', '.join(KEPT)}"
    ]
    assert inside.hand_over(running.now, running.postgres, shop) == KEPT, "nothing else is left"
    with services(running, shop) as connection:
        assert connection.query("SELECT s FROM old.t") == [("kept",)]
        with pytest.raises(wire.Refused, match="must be owner of foreign-data wrapper old_wrapper"):
            connection.query("DROP FOREIGN DATA WRAPPER old_wrapper CASCADE")
    running.sql("DROP EVENT TRIGGER old_seen", shop)
    with services(running, shop) as connection:
        connection.query(DROPS)


CATCH = "RETURNS {returns} LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.ran SELECT current_user; RETURN {value}; END'"
FITS = CATCH.format(returns="text", value="''TABLE public.ran''")
TRAPS = {
    "a function that fits better": (f"CREATE FUNCTION public.format(text, name) {FITS}",),
    "a schema of the superuser's name": (
        "CREATE SCHEMA postgres",
        f"CREATE FUNCTION postgres.format(text, name) {FITS}",
    ),
    "settings of the database": (
        "ALTER DATABASE roles SET search_path TO public, pg_catalog",
        f"CREATE FUNCTION public.unlike(name, text) {CATCH.format(returns='boolean', value='true')}",
        "CREATE OPERATOR public.!~ (LEFTARG = name, RIGHTARG = text, FUNCTION = public.unlike)",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_service_that_lays_traps_for_the_superuser_catches_nobody(running: Running, shop: str, trap: str) -> None:
    """A statement of ours that is run by the superuser in a database of services must call no function of theirs."""
    with services(running, shop) as connection:
        connection.query("CREATE TABLE public.ran (who text); GRANT ALL ON public.ran TO PUBLIC")
        for statement in TRAPS[trap]:
            connection.query(statement)
    running.sql("CREATE SCHEMA mine", shop)
    inside.hand_over(running.now, running.postgres, shop)
    with services(running, shop) as connection:
        assert connection.query("SELECT who FROM public.ran") == []
        connection.query("DROP SCHEMA mine")


TABLES = ("x'||public.trap()||'", "x', 1 FROM public.trap() --", "two\nlines|3", 'a"b\u2028c')
DATABASES = ("host=127.0.0.9 port=1", "postgresql://127.0.0.9/x", "it's \\ one", "-x")


def test_a_table_whose_name_is_sql_is_counted_and_runs_nothing(running: Running, shop: str) -> None:
    with services(running, shop) as connection:
        connection.query(f"CREATE TABLE ran (who text); CREATE FUNCTION trap() {FITS}")
        for quoted in map(postgres.quoted, TABLES):
            connection.query(f"CREATE TABLE {quoted} (x int); INSERT INTO {quoted} VALUES (1)")
    found = transfer.counts(running.now, running.postgres, [shop])[shop]
    assert found.pop("public.ran") == "0" and list(found.values()) == ["1"] * len(TABLES)
    with services(running, shop) as connection:
        assert connection.query("SELECT who FROM ran") == []


def test_a_database_whose_name_is_an_address_is_dumped_from_our_server(running: Running, shop: str) -> None:
    for name in DATABASES:
        quoted = postgres.quoted(name)
        with services(running, shop) as connection:
            connection.query(f"CREATE DATABASE {quoted}")
        argv = ["pg_dump", "--create", "-d", transfer.named(name)]
        command, env = postgres.client(running.now, running.postgres, argv)
        ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        running.sql(f"DROP DATABASE {quoted} WITH (FORCE)")
        assert ran.returncode == 0 and f"CREATE DATABASE {quoted}" in ran.stdout, ran.stderr


@pytest.mark.skipif(not processes.LINUX, reason="the attack reads /proc")
def test_no_list_of_processes_has_a_password_and_an_old_snapshot_is_handed_over(running: Running, shop: str) -> None:
    word = postgres.known_password(running.postgres)
    with watching(word, services_password(word), "PASSWORD") as seen:
        running.declare("databases = ['roles', 'roles-more']")
        assert running.checkout.dev("start", "--no-fix").code == 0
        assert running.checkout.dev("data", "snapshot", "before").code == 0
        tables = "CREATE SCHEMA old; CREATE TABLE old.t (x int); CREATE TABLE public.old (x int)"
        running.sql(tables, f"{shop}@before")
        assert running.checkout.dev("data", "restore", "before").code == 0
    assert [line for line in seen if line.startswith("SEEN")] == []
    assert int(seen[-1].split()[1]) > 100
    with services(running, shop) as connection:
        connection.query("ALTER TABLE old.t ADD COLUMN y int; DROP SCHEMA old CASCADE; DROP TABLE public.old")
    for name in ("roles-more", "roles-more@before", f"{shop}@before"):
        running.sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def watching(*words: str) -> Iterator[list[str]]:
    """While another user reads every command line of the machine; afterwards, those in which he saw one of these."""
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert watcher.stdin and watcher.stdout
    seen: list[str] = []
    try:
        watcher.stdin.write(" ".join(words) + "\n")
        watcher.stdin.flush()
        assert watcher.stdout.readline() == "ready\n"
        yield seen
    finally:
        seen += watcher.communicate()[0].splitlines()


@pytest.mark.parametrize("harm", ["DROP", "NOLOGIN", "SUPERUSER"])
def test_a_role_that_is_not_as_it_should_be_is_repaired(running: Running, shop: str, harm: str) -> None:
    role = SERVICES
    if harm == "DROP":
        running.sql(f'DROP OWNED BY {role}; REVOKE "{shop}" FROM {role}', shop)
        for name in [str(row[0]) for row in running.sql("SELECT datname FROM pg_database WHERE datallowconn")]:
            running.sql(f"DROP OWNED BY {role}", name)
        running.sql(f"DROP ROLE {role}")
    else:
        running.sql(f"ALTER ROLE {role} {harm}")
    assert not databases.provisioned(running.postgres)
    databases.provision(running.now, running.postgres, lambda text: None)
    assert databases.provisioned(running.postgres)
    with services(running, shop) as connection:
        assert connection.query("SELECT usesuper FROM pg_user WHERE usename = current_user") == [("f",)]


def test_parts_of_an_address_open_a_database_and_are_shown_nowhere(running: Running) -> None:
    own = "WORD = '{postgres.password}', URL = '{postgres.url:postgresql+asyncpg}/{postgres.database}'"
    running.declare("databases = ['parts']", more=SLEEPER.format(name="caller") + f"env = {{ {own} }}\n")
    assert running.start().code == 0
    found = addresses(running.now, running.postgres)
    with wire.Connection(int(found["port"]), found["password"], found["database"], found["user"]) as connection:
        assert connection.query("SELECT current_user, current_database()") == [(SERVICES, "parts")]
    for command in (["status", "--json"], ["doctor", "--json"], ["export", "compose"], ["env", "caller"]):
        ran = running.checkout.dev(*command)
        assert found["password"] not in ran.out + ran.err, command
    assert "WORD=***" in ran.out and "URL=postgresql+asyncpg://dev_services:***" in ran.out
