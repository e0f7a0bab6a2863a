"""What is declared inside infrastructure is there after every start and every repair, without a restart."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from converge.errors import DevError
from runtime.infra import grpc, wire
from runtime.infra.postgres import known_password, sql
from runtime.provision import databases, flow, postgres, topics
from tests import stranger
from tests.conftest import Checkout, wait_until
from tests.provision.conftest import SLEEPER, Running

CREATE = "/google.pubsub.v1.Publisher/CreateTopic"
DATABASE_GAPS: dict[str, Sequence[str]] = {
    "missing": (),
    "no role gap": ('CREATE DATABASE "gap"',),
    "role gap may not log in": ('CREATE ROLE "gap" NOLOGIN', 'CREATE DATABASE "gap" OWNER "gap"'),
    "owned by postgres": ('CREATE ROLE "gap" LOGIN', 'CREATE DATABASE "gap"'),
    "closed to connections": (
        'CREATE ROLE "gap" LOGIN', 'CREATE DATABASE "gap" OWNER "gap"', 'ALTER DATABASE "gap" ALLOW_CONNECTIONS false',
    ),
    "no extension vector": ('CREATE ROLE "gap" LOGIN', 'CREATE DATABASE "gap" OWNER "gap"'),
}  # fmt: skip


@pytest.mark.parametrize("repair", [["start"], ["doctor", "--fix"]], ids=lambda argv: argv[0])
def test_what_is_declared_later_is_shown_and_made_while_all_runs(running: Running, repair: list[str]) -> None:
    first, second = f"{repair[0]}-one", f"{repair[0]}-two"
    running.declare(f"databases = ['{first}']", f"topics = {{ {first} = ['{first}'] }}")
    assert running.start().code == 0
    before = running.pids()
    running.declare(
        f"databases = ['{first}', '{second}']\nextensions = ['vector']",
        f"topics = {{ {first} = ['{first}', '{first}-more'], {second} = ['{second}'] }}",
    )
    seen = running.items("databases", "topics")
    assert {name: (item.status, item.found) for name, item in seen.items()} == {
        f"databases.postgres.{first}": ("drift", "no extension vector"),
        f"databases.postgres.{second}": ("drift", f"missing, no role {second}"),
        f"topics.pubsub.{first}": ("drift", f"no subscription {first}-more"),
        f"topics.pubsub.{second}": ("drift", "missing"),
    }
    ran = running.checkout.dev(*repair)
    assert ran.code == 0, ran.err
    assert {item.status for item in running.items("databases", "topics").values()} == {"ok"}
    assert running.sql("SELECT 1 FROM pg_extension WHERE extname = 'vector'", second)
    assert topics.look(running.pubsub)[first] == {first, f"{first}-more"}
    assert running.pids() == before
    os.kill(before["pubsub"], 9)  # it begins again by itself, with what is declared now
    wait_until(lambda: topics.provisioned(running.pubsub), 60)
    wait_until(lambda: running.state("pubsub").state == "ready", 60)


@pytest.mark.parametrize("gap", DATABASE_GAPS)
def test_every_kind_of_gap_in_a_database_is_seen_and_closed(running: Running, gap: str) -> None:
    running.declare("databases = ['gap']" + ("\nextensions = ['vector']" if "extension" in gap else ""))
    server = running.postgres
    running.sql('DROP DATABASE IF EXISTS "gap" WITH (FORCE)')
    running.sql('DROP ROLE IF EXISTS "gap"')
    for statement in DATABASE_GAPS[gap]:
        running.sql(statement)
    inside = postgres.look(server)
    assert isinstance(inside, postgres.Inside) and gap in postgres.lacks(server, "gap", inside)
    said: list[str] = []
    databases.provision(running.now, server, said.append)
    assert databases.provisioned(server) and len(said) == 1
    databases.provision(running.now, server, said.append)
    assert len(said) == 1, "a second time there is nothing to do"


@pytest.mark.parametrize(
    ("declared", "made"),
    [
        ({"first": ("sub-a",)}, {"first": ("sub-a", "sub-b"), "second": ()}),
        ({"first": ("sub-a",), "second": ()}, {"first": (), "second": ("sub-a",)}),
        ({}, {"third": ("sub-c",)}),
        ({f"topic-{at:0200d}": () for at in range(600)}, {"topic-9999": ()}),
    ],
    ids=[
        "a subscription",
        "a subscription of another topic",
        "a topic",
        "more topics than one page has, and than a server sends unasked",
    ],
)
def test_every_kind_of_gap_in_topics_is_seen_and_closed(
    running: Running, declared: dict[str, tuple[str, ...]], made: dict[str, tuple[str, ...]]
) -> None:
    emulator = running.pubsub
    for wanted in (declared, made):
        text = ", ".join(f"{topic} = {list(names)}" for topic, names in wanted.items())
        running.declare(topics=f"topics = {{ {text} }}")
        emulator = running.pubsub
        if wanted is declared and len(declared) > 500:  # quicker: each repair looks at everything again
            for topic in declared:
                grpc.call(running.port + 1, CREATE, grpc.text(1, f"projects/story/topics/{topic}"))
        topics.provision(running.now, emulator, lambda text: None)
        assert topics.provisioned(emulator)
    found = topics.look(emulator)
    assert all(found[topic] >= set(names) for topic, names in made.items()) and declared.keys() <= found.keys()


CALLER = """
for line in sys.stdin:
    port, way, sent = line.split()
    mapped = way == "mapped"
    caller = socket.socket(socket.AF_INET6 if mapped else socket.AF_INET)
    if way == "elsewhere":
        caller.bind(("127.0.0.9", 0))
    caller.connect(("::ffff:127.0.0.1" if mapped else "127.0.0.1", int(port)))
    heard = b""
    try:
        caller.sendall(bytes.fromhex(sent))
        if way not in ("leaves", "resets"):
            caller.settimeout(20)
            heard = caller.recv(65536)
    except ConnectionError:
        pass
    if way == "resets":
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
    caller.close()
    print(len(heard), flush=True)
"""
"""Another user's program that calls the emulator: it says how many bytes were answered."""


@stranger.needs_root
@pytest.mark.parametrize("way", ["plain", "mapped", "elsewhere", "leaves", "resets"])
def test_another_user_neither_publishes_nor_subscribes(running: Running, way: str) -> None:
    topic, subscription = f"projects/story/topics/own-{way}", f"projects/story/subscriptions/own-{way}"
    running.declare(topics=f"topics = {{ own-{way} = ['own-{way}'] }}")
    port, emulator = running.port + 1, running.pubsub
    topics.provision(running.now, emulator, lambda text: None)
    before = topics.look(emulator)
    calls = {
        topics.PUBLISHER + "CreateTopic": grpc.text(1, f"projects/story/topics/forged-{way}"),
        topics.PUBLISHER + "Publish": grpc.text(1, topic) + grpc.text(2, grpc.text(1, "forged")),
        topics.SUBSCRIBER + "Pull": grpc.text(1, subscription) + grpc.number(3, 10),
        topics.SUBSCRIBER + "DeleteSubscription": grpc.text(1, subscription),
    }
    caller = stranger.Program(CALLER)
    try:
        for method, message in calls.items():
            assert caller.say(f"{port} {way} {grpc.request(port, method, message).hex()}") == "0", method
    finally:
        caller.end()
    assert topics.look(emulator) == before
    grpc.call(port, topics.PUBLISHER + "Publish", grpc.text(1, topic) + grpc.text(2, grpc.text(1, "ours")))
    pulled = grpc.call(port, topics.SUBSCRIBER + "Pull", calls[topics.SUBSCRIBER + "Pull"])
    assert b"ours" in pulled and b"forged" not in pulled


def test_a_refused_declaration_fails_every_start_until_it_is_corrected(running: Running) -> None:
    running.declare("databases = ['fails']\nextensions = ['no_such_extension']")
    for _ in range(2):
        ran = running.start()
        assert ran.code == 3 and "no_such_extension" in ran.err and "desired_state.toml:" in ran.err
        entry = running.state("postgres")
        assert entry.state == "failed" and "no_such_extension" in entry.reason
    running.declare("databases = ['fails']")
    assert running.start().code == 0
    assert running.state("postgres").state == "ready"


def test_data_of_another_password_are_named_by_every_start_and_look(running: Running) -> None:
    running.declare()
    secret = running.now.instance.state / "secrets" / "postgres"
    before = secret.read_text()
    secret.write_text("0" * 32)
    try:
        for _ in range(2):
            ran = running.start()
            assert ran.code == 3 and "another password" in ran.err and "./dev data reset" in ran.err
            entry = running.state("postgres")
            assert entry.state == "failed" and "./dev data reset" in entry.reason
        (item,) = running.items("databases").values()
        assert item.status == "blocked" and item.code == "postgres-password"
    finally:
        secret.write_text(before)
    assert running.start().code == 0
    assert running.state("postgres").state == "ready"


def deleted(secret: Path, running: Running) -> None:
    secret.unlink()


def emptied(secret: Path, running: Running) -> None:
    secret.write_text("")


def changed_inside(secret: Path, running: Running) -> None:
    running.sql("ALTER ROLE postgres PASSWORD 'another'")


def removed_inside(secret: Path, running: Running) -> None:
    running.sql("ALTER ROLE postgres PASSWORD NULL")


@pytest.mark.parametrize("how", [deleted, emptied, changed_inside, removed_inside])
def test_data_that_do_not_take_our_password_are_never_ready(
    running: Running, how: Callable[[Path, Running], None]
) -> None:
    running.declare("databases = ['locked']")
    server, secret = running.postgres, running.now.instance.state / "secrets" / "postgres"
    before = secret.read_text()
    with wire.Connection(running.port, before, timeout=30) as kept:
        how(secret, running)
        try:
            for _ in range(2):
                with pytest.raises(DevError) as refused:
                    flow.provision(running.now, server, lambda text: None)
                assert refused.value.code == "postgres-password" and "./dev data reset" in refused.value.hint
                assert running.state("postgres").state == "failed"
        finally:
            secret.write_text(before)
            kept.query(f"ALTER ROLE postgres PASSWORD '{before}'")
    flow.provision(running.now, server, lambda text: None)
    assert running.state("postgres").state == "ready"


@pytest.mark.parametrize("opener", [["start"], ["data", "list"], ["data", "snapshot", "after", "--force"]], ids=str)
def test_what_a_killed_snapshot_closed_is_seen_and_opened(running: Running, opener: list[str]) -> None:
    running.declare("databases = ['shut']")
    assert running.start().code == 0
    running.sql('ALTER DATABASE "shut" ALLOW_CONNECTIONS false')
    item = running.items("databases")["databases.postgres.shut"]
    assert item.status == "drift" and "snapshot" in item.because
    ran = running.checkout.dev(*opener, *(["--no-fix"] if opener == ["start"] else []))
    assert ran.code == 0, ran.err
    assert running.sql("SELECT 1", "shut") == [("1",)]


def test_infrastructure_that_does_not_run_is_not_reported(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(
        f"[infra.postgres]\nport = {free_port()}\ndatabases = ['a']\n"
        f"[infra.pubsub]\nport = {free_port()}\ntopics = {{ abc = [] }}\n"
        + SLEEPER.format(name="s") + "migrate = 'true'\n"
    )  # fmt: skip
    ran = checkout.dev("doctor", "--only", "databases", "--only", "topics", "--only", "migrations", "--json")
    assert ran.code == 0 and ran.json["items"] == []
    assert not (checkout.path / ".dev/instances").exists(), "a look writes nothing"


@pytest.mark.parametrize(("method", "word"), [("scram-sha-256", "s"), ("md5", "m"), ("trust", "t")])
def test_postgres_is_spoken_to_by_every_usual_authentication(running: Running, method: str, word: str) -> None:
    rules = running.now.instance.data / "postgres" / "pg_hba.conf"
    before = rules.read_text()
    kept = "md5" if method == "md5" else "scram-sha-256"
    running.sql(f"SET password_encryption = '{kept}'; CREATE ROLE {word} LOGIN PASSWORD 'secret'")
    try:
        rules.write_text(f"host all {word} 127.0.0.1/32 {method}\n{before}")
        running.sql("SELECT pg_reload_conf()")

        def speaks() -> bool:
            with wire.Connection(running.port, "secret", user=word, timeout=30) as connection:
                return connection.query("SELECT NULL, 'ü', 1 UNION ALL SELECT 'x', '', 2") == [
                    (None, "ü", "1"), ("x", "", "2"),
                ]  # fmt: skip

        assert wait_until(speaks, 60)
        if method != "trust":
            with pytest.raises(wire.Refused) as refused:
                wire.Connection(running.port, "wrong", user=word, timeout=30)
            assert refused.value.code == "28P01"
    finally:
        rules.write_text(before)
        running.sql("SELECT pg_reload_conf()")


REFUSALS: dict[str, tuple[str, str]] = {
    "host all postgres 127.0.0.1/32 reject": ("unknown", "pg_hba.conf rejects connection"),
    "host nowhere postgres 127.0.0.1/32 trust": ("unknown", "no pg_hba.conf entry"),
    "host all postgres 127.0.0.1/32 password": ("unknown", "clear text"),
    "ALTER ROLE postgres NOLOGIN": ("unknown", "not permitted to log in"),
    "ALTER ROLE postgres PASSWORD 'another'": ("password", "password authentication failed"),
}
"""A rule for pg_hba.conf or a statement -> how a look describes the server."""


@pytest.mark.parametrize("change", REFUSALS)
def test_only_a_wrong_password_is_called_one(running: Running, change: str) -> None:
    why, words = REFUSALS[change]
    running.declare()
    server, rules = running.postgres, running.now.instance.data / "postgres" / "pg_hba.conf"
    word, before = known_password(server), rules.read_text()

    def refused() -> bool:
        found = postgres.look(server, 30)
        return isinstance(found, postgres.Closed) and found.why == why and words in found.because

    with wire.Connection(running.port, word, timeout=30) as kept:
        try:
            if change.startswith("host"):
                rules.write_text(change + "\n")
                change = "SELECT pg_reload_conf()"
            kept.query(change)
            assert wait_until(refused, 30)
            (item,) = running.items("databases").values()
            assert item.status == ("blocked" if why == "password" else "unknown") and words in item.because
        finally:
            rules.write_text(before)
            kept.query(f"ALTER ROLE postgres LOGIN PASSWORD '{word}'")
            kept.query("SELECT pg_reload_conf()")
            wait_until(lambda: isinstance(postgres.look(server, 30), postgres.Inside), 30)


def test_the_clients_of_postgres_send_no_password_in_clear_text(running: Running) -> None:
    running.declare()
    rules = running.now.instance.data / "postgres" / "pg_hba.conf"
    before, word = rules.read_text(), known_password(running.postgres)
    with wire.Connection(running.port, word, timeout=30) as kept:
        try:
            rules.write_text("host all all 127.0.0.1/32 password\n")
            kept.query("SELECT pg_reload_conf()")
            wait_until(lambda: isinstance(postgres.look(running.postgres, 30), postgres.Closed), 30)
            with pytest.raises(DevError) as refused:
                sql(running.now, running.postgres, "SELECT 1")
            assert "clear text" in refused.value.because
        finally:
            rules.write_text(before)
            kept.query("SELECT pg_reload_conf()")
            wait_until(lambda: isinstance(postgres.look(running.postgres, 30), postgres.Inside), 30)


def test_a_connection_to_postgres_goes_on_after_an_error(running: Running) -> None:
    word = known_password(running.postgres)
    with wire.Connection(running.port, word, timeout=30) as connection:
        with pytest.raises(wire.Refused, match="division by zero"):
            connection.query("SELECT 1/0")
        assert connection.query("SELECT 1") == [("1",)]
