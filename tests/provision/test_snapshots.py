"""A snapshot is also a file outside of the server: it outlives the data, and brings back roles and migrations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge.errors import DevError
from runtime.data import dumps, snapshots
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
    snapshots.snapshot(running.now, "monday")
    yield running
    for name in snapshots.snapshots(running.now):
        snapshots.delete(running.now, name)
    running.sql('DROP DATABASE "goods" WITH (FORCE)')
    running.sql(f"DROP ROLE {GUEST}")


def files(running: Running) -> list[Path]:
    return sorted(path for path in dumps.directory(running.now.instance).rglob("*") if path.is_file())


def lost_with_the_server(running: Running) -> None:
    running.sql('DROP DATABASE "goods@monday"')
    running.sql("DROP TABLE kept", "goods")
    running.sql(f"DROP ROLE {GUEST}")  # no database refers to it any more


def file_lost(running: Running) -> None:
    dumps.drop_all(running.now.instance)


def of_an_earlier_version(running: Running) -> None:
    """Only the server had it; the next snapshot writes it, too. A name that is no snapshot's leads nowhere."""
    dumps.drop_all(running.now.instance)
    running.sql('CREATE DATABASE "goods@../up"')
    snapshots.snapshot(running.now, "tuesday")
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
    for damaged in (whole[: len(whole) // 2], whole[:-200], b"", b"SELECT 1;\n"):
        path.write_bytes(damaged)
        with pytest.raises(DevError) as failed:
            snapshots.restore(saved.now, "monday")
        assert failed.value.code == "copy-failed" and "is damaged" in failed.value.what
        assert read_back(saved) == [("8", "t")]
        assert saved.sql("SELECT datname FROM pg_database WHERE datname LIKE '%@%'") == []


def test_another_one_takes_its_name_only_by_force(saved: Running) -> None:
    saved.sql('DROP DATABASE "goods@monday"')
    with pytest.raises(DevError, match="there is a snapshot"):
        snapshots.snapshot(saved.now, "monday")
    saved.sql("UPDATE kept SET n = 9", "goods")
    snapshots.snapshot(saved.now, "monday", force=True)
    lost_with_the_server(saved)
    snapshots.restore(saved.now, "monday")
    assert read_back(saved) == [("9", "t")]
