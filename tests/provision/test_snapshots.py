"""A snapshot is also a file outside of the server: it outlives the data, and brings back roles and migrations."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from converge.errors import DevError, Exit
from runtime.data import dumps, snapshots, transfer
from tests.provision.conftest import Running

GUEST = '"a ""guest"'
"""A role whose name must be quoted."""
KEPT = f"CREATE TABLE kept (n int); INSERT INTO kept VALUES (7); CREATE ROLE {GUEST}; GRANT SELECT ON kept TO {GUEST}"


@pytest.fixture
def saved(running: Running) -> Iterator[Running]:
    """A database with a table that a role of its own may read, and its snapshot `monday`."""
    running.declare("databases = ['goods']")
    assert running.start().code == 0
    running.sql(KEPT, "goods")
    shutil.rmtree(running.now.instance.snapshots, ignore_errors=True)  # other tests with this server have some too
    snapshots.snapshot(running.now, "monday")
    yield running
    for name in snapshots.snapshots(running.now):
        snapshots.delete(running.now, name)
    running.sql('DROP DATABASE "goods" WITH (FORCE)')
    running.sql(f"DROP ROLE {GUEST}")


def files(running: Running) -> list[Path]:
    return sorted(path for path in running.now.instance.snapshots.rglob("*") if path.is_file())


def lost_with_the_server(running: Running) -> None:
    running.sql('DROP DATABASE "goods@monday"')
    running.sql("DROP TABLE kept", "goods")
    running.sql(f"DROP ROLE {GUEST}")  # no database refers to it any more


def file_lost(running: Running) -> None:
    dumps.drop_all(running.now.instance)


def cut_short(running: Running) -> None:
    """A restore was killed while it read the file: what it had made until then is in nobody's way."""
    lost_with_the_server(running)
    running.sql('CREATE DATABASE "goods@@load"')
    running.sql("CREATE TABLE half (n int)", "goods@@load")
    assert snapshots.snapshots(running.now) == ["monday"]


def of_an_earlier_version(running: Running) -> None:
    """Only the server had it; the next snapshot writes it, too. A name that is no snapshot's leads nowhere."""
    dumps.drop_all(running.now.instance)
    running.sql('CREATE DATABASE "goods@../up"')
    snapshots.snapshot(running.now, "tuesday")
    assert snapshots.write_old(running.now) == {}
    running.sql('DROP DATABASE "goods@../up"')
    assert {path.parent.name for path in files(running)} == {"monday", "tuesday"}
    assert not [path for path in running.now.instance.state.iterdir() if path.name == "up"]
    running.sql('DROP DATABASE "goods@tuesday"')
    lost_with_the_server(running)


def read_back(running: Running) -> list[object]:
    privilege = "SELECT n, has_table_privilege('a \"guest', 'kept', 'SELECT') FROM kept"
    return list(running.sql(privilege, "goods"))


@pytest.mark.parametrize(
    "loss", [lost_with_the_server, file_lost, of_an_earlier_version], ids=lambda loss: loss.__name__
)
def test_a_snapshot_outlives_a_loss(saved: Running, loss: Callable[[Running], None]) -> None:
    loss(saved)
    assert "monday" in snapshots.snapshots(saved.now)
    assert snapshots.restore(saved.now, "monday") == ["goods"]
    assert read_back(saved) == [("7", "t")]
    assert snapshots.delete(saved.now, "monday") and snapshots.delete(saved.now, "tuesday") in (True, False)
    assert files(saved) == [] and snapshots.snapshots(saved.now) == []


def test_a_damaged_file_changes_no_data(saved: Running) -> None:
    (path,) = [path for path in files(saved) if path.suffix == ".dump"]
    whole = path.read_bytes()
    saved.sql('DROP DATABASE "goods@monday"')
    saved.sql("UPDATE kept SET n = 8", "goods")
    for damaged in (whole[: len(whole) // 2], whole[:-200], b"", b"SELECT 1;\n", None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        with pytest.raises(DevError) as failed:
            snapshots.restore(saved.now, "monday")
        assert failed.value.code == "copy-failed" and "is damaged" in failed.value.what
        assert read_back(saved) == [("8", "t")]
        assert saved.sql("SELECT datname FROM pg_database WHERE datname LIKE '%@%'") == []


def test_a_failed_load_leaves_no_half(saved: Running) -> None:
    """Postgres itself refuses the last line of the file, after all data."""
    lost_with_the_server(saved)
    for path in files(saved):
        path.with_suffix(".roles").unlink(missing_ok=True)
    with pytest.raises(DevError, match="pg_restore"):
        snapshots.restore(saved.now, "monday")
    assert saved.sql("SELECT datname FROM pg_database WHERE datname LIKE '%@%'") == []
    saved.sql(f"CREATE ROLE {GUEST}")


def test_no_database_is_replaced_where_another_ones_file_is_damaged(saved: Running) -> None:
    saved.declare("databases = ['goods', 'second']")
    saved.sql("UPDATE kept SET n = 8", "goods")
    for path in files(saved):
        shutil.copy(path, path.with_name(path.name.replace(".goods.", ".second.")))
    path.with_name("postgres.second.dump").write_bytes(b"")
    with pytest.raises(DevError, match="of second is damaged"):
        snapshots.restore(saved.now, "monday")
    assert read_back(saved) == [("8", "t")]


@contextmanager
def too_slow() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "TIMEOUT", -1.0)
        yield


@contextmanager
def full_disk() -> Iterator[None]:
    """As far as a program sees it: no file becomes longer than 512 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_failed_replacement_keeps_the_old_one(saved: Running) -> None:
    before = {path: path.read_bytes() for path in files(saved)}
    saved.sql("UPDATE kept SET n = 8", "goods")
    for trouble in (too_slow, full_disk):
        with trouble(), pytest.raises(DevError) as failed:
            snapshots.snapshot(saved.now, "monday", force=True)
        assert failed.value.code == "copy-failed" and "no data were deleted" in failed.value.hint
        assert {path: path.read_bytes() for path in files(saved)} == before
        assert saved.sql("SELECT datname FROM pg_database WHERE datname LIKE '%@%'") == [("goods@monday",)]
    snapshots.restore(saved.now, "monday")
    assert read_back(saved) == [("7", "t")]


def test_another_one_takes_its_name_only_by_force(saved: Running) -> None:
    saved.sql('DROP DATABASE "goods@monday"')
    with pytest.raises(DevError, match="there is a snapshot"):
        snapshots.snapshot(saved.now, "monday")
    saved.sql("UPDATE kept SET n = 9", "goods")
    saved.sql('CREATE DATABASE "goods@junk" ALLOW_CONNECTIONS false')
    snapshots.snapshot(saved.now, "monday", force=True)
    assert [*snapshots.write_old(saved.now)] == ["goods@junk"], "one that cannot be read stops no other"
    saved.sql('DROP DATABASE "goods@junk"')
    cut_short(saved)
    snapshots.restore(saved.now, "monday")
    assert read_back(saved) == [("9", "t")]


def test_memberships_and_settings_come_back_without_power_over_the_server(saved: Running) -> None:
    """A service chooses a setting of its own role, and its text may look like a statement."""
    hostile = "E'a\nGRANT postgres TO dev_services;\nCREATE ROLE chief SUPERUSER;\n'"
    saved.sql(f"CREATE ROLE reader; CREATE ROLE strong CREATEROLE; ALTER ROLE dev_services SET search_path = {hostile}")
    saved.sql("GRANT reader, strong, pg_monitor TO dev_services; ALTER ROLE goods SET search_path = kept, public")
    snapshots.snapshot(saved.now, "monday", force=True)
    try:
        saved.sql("ALTER ROLE dev_services RESET ALL; ALTER ROLE goods RESET ALL")
        saved.sql("REVOKE reader, strong, pg_monitor FROM dev_services; DROP ROLE reader")
        saved.sql('DROP DATABASE "goods@monday"')
        snapshots.restore(saved.now, "monday")
        found = saved.sql(
            "SELECT pg_has_role('dev_services', rolname, 'MEMBER') FROM pg_roles"
            " WHERE rolname IN ('reader', 'strong', 'pg_monitor', 'postgres', 'chief') ORDER BY rolname"
        )
        assert [row[0] for row in found] == ["f", "f", "t", "f"]
        settings = saved.sql("SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'goods'::regrole")
        assert settings == [('{"search_path=kept, public"}',)]
    finally:
        saved.sql("ALTER ROLE dev_services RESET ALL; ALTER ROLE goods RESET ALL; DROP ROLE reader, strong")


def test_a_snapshot_of_nothing_is_refused(running: Running) -> None:
    running.declare()
    for ask in (snapshots.snapshot, snapshots.restore):
        with pytest.raises(DevError) as refused:
            ask(running.now, "monday")
        assert (refused.value.code, refused.value.exit) == ("snapshot-nothing", Exit.USAGE)
