"""What others do to our containers with Docker's own client: it is named, and one start heals it without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import TOOL, Checkout, wait_until
from tests.real.rig import Rig
from tests.real.test_placements import project, sql, started

APP = """
import http.server, os, socket, struct

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with socket.create_connection(("127.0.0.1", int(os.environ["DATABASE"])), 2) as database:
                database.settimeout(0.5)
                database.sendall(struct.pack("!II", 8, 80877103))
                up = database.recv(1) == b"N"
        except OSError:
            up = False
        self.send_response(200 if up else 503)
        self.end_headers()

http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answer).serve_forever()
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, rig: Rig, free_port: Callable[[], int]) -> Iterator[Checkout]:
    """A database in Docker with a table, and a native service that answers 503 without it."""
    base = tmp_path_factory.mktemp("behind")
    for name in ("checkout", "home"):
        (base / name).mkdir()
    made = Checkout(base / "checkout", base / "home", {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(base / "home")})
    made.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    made.write("app.py", APP)
    made.state(
        f"[docker]\n[infra.postgres]\nport = {free_port()}\nimage = 'postgres:18'\ndatabases = ['shop']\n"
        f"[services.catalog]\nkind = 'command'\nport = {free_port()}\ndev = 'python3 app.py'\nneeds = ['postgres']\n"
        f"migrate = 'echo ran >>{base}/migrated'\n"
        "ready = { http = '/readyz' }\nenv = { DATABASE = '{postgres.port}' }\n"
    )
    yield made
    made.dev("clean", "--force")


@pytest.fixture
def boxed(shared: Checkout, rig: Rig) -> Checkout:
    started(shared.dev("start"))
    sql(rig, shared, "CREATE TABLE IF NOT EXISTS kept (n int); TRUNCATE kept; INSERT INTO kept VALUES (7)")
    return shared


Blow = Callable[[Rig, str, str], object]
CUT = "its container is not in its network"


def network_gone(rig: Rig, box: str, name: str) -> None:
    rig.docker("network", "disconnect", "-f", f"{name}_default", box)
    rig.docker("network", "rm", f"{name}_default")


def stopped_and_network_gone(rig: Rig, box: str, name: str) -> None:
    rig.docker("kill", box)
    rig.docker("network", "rm", f"{name}_default")


BLOWS: dict[str, tuple[Blow, str, str, str]] = {
    "removed": (lambda rig, box, _: rig.docker("rm", "-f", box), "stopped", "", "needs postgres, which is stopped"),
    "stopped and its network gone": (
        stopped_and_network_gone, "stopped", "its container ended (137)", "needs postgres, which is stopped"),
    "paused": (
        lambda rig, box, _: rig.docker("pause", box), "paused", "its container is paused",
        "/readyz answers 503; needs postgres, which is paused"),
    "out of its network": (
        lambda rig, box, name: rig.docker("network", "disconnect", "-f", f"{name}_default", box), "unhealthy", CUT,
        "/readyz answers 503; needs postgres, which is unhealthy"),
    "its network gone": (network_gone, "unhealthy", CUT, "needs postgres, which is unhealthy"),
}  # fmt: skip
"""What is done to the database -> its state and reason, and the reason of the service."""


@pytest.mark.parametrize("case", BLOWS)
def test_it_is_named_and_one_start_heals_it(boxed: Checkout, rig: Rig, case: str) -> None:
    blow, state, reason, words = BLOWS[case]
    box = rig.docker("ps", "-q", "--no-trunc", "--filter", f"name={project(boxed)}-postgres").stdout.strip()
    blow(rig, box, project(boxed))
    # on a busy machine the service may answer too late to say why
    seen = wait_until(lambda: (now := boxed.components()) and words in (now["catalog"]["reason"] or "") and now, 60)
    assert seen["postgres"]["state"] == state and reason in (seen["postgres"]["reason"] or ""), seen
    assert seen["catalog"]["state"] == "unhealthy", seen
    ran = started(boxed.dev("start"))
    assert "began with empty databases" not in ran.err
    assert {entry["state"] for entry in boxed.components().values()} == {"ready"}
    assert sql(rig, boxed, "SELECT n FROM kept") == "7"


@pytest.mark.parametrize("name", ["renamed", "image untagged"])
def test_what_changes_nothing_is_left_alone(boxed: Checkout, rig: Rig, name: str) -> None:
    box = f"{project(boxed)}-postgres-1"
    before = boxed.components()["postgres"]["pid"]
    renamed = name == "renamed"
    rig.docker(*(["rename", box, f"{box}-by-hand"] if renamed else ["rmi", "-f", "postgres:18"]), check=renamed)
    try:
        assert "postgres     ready already" in started(boxed.dev("start")).err
        assert boxed.components()["postgres"]["pid"] == before
    finally:
        if renamed:
            rig.docker("rename", f"{box}-by-hand", box)


def test_a_removed_volume_is_said_and_its_migrations_run_again(boxed: Checkout, rig: Rig) -> None:
    migrated = boxed.path.parent / "migrated"
    before = len(migrated.read_text().splitlines())
    catalog = boxed.components()["catalog"]["pid"]
    started(boxed.dev("data", "snapshot", "monday", "--force"))
    rig.docker("rm", "-f", f"{project(boxed)}-postgres-1")
    rig.docker("volume", "rm", f"{project(boxed)}_postgres")
    ran = started(boxed.dev("start"))
    assert "began with empty databases: the data it had are gone" in ran.err
    assert len(migrated.read_text().splitlines()) == before + 1
    assert boxed.components()["catalog"]["pid"] != catalog, "it still has connections to what is gone"
    assert boxed.dev("data", "list").out == "monday\n", "a snapshot went with the volume"
    started(boxed.dev("data", "restore", "monday"))
    assert sql(rig, boxed, "SELECT n FROM kept") == "7"


def test_a_container_that_ends_at_once_again_and_again_has_failed_and_a_start_tries_anew(
    boxed: Checkout, rig: Rig
) -> None:
    box, file = f"{project(boxed)}-postgres-1", '"$PGDATA/postgresql.conf"'
    rig.docker("exec", "-u", "postgres", box, "sh", "-c", f"echo nonsense >>{file}; kill -INT 1")
    seen = wait_until(lambda: (now := boxed.components()["postgres"])["state"] == "failed" and now, 60)
    assert "times in a row" in seen["reason"], seen
    assert boxed.dev("start", timeout=200).code == 3
    volume = rig.docker("inspect", "-f", "{{range .Mounts}}{{.Name}} {{end}}", box).stdout.split()[0]
    mend = "for f in $(find /v -name postgresql.conf); do sed -i '$d' $f; done"
    rig.docker("run", "--rm", "-v", f"{volume}:/v", "debian:bookworm-slim", "sh", "-c", mend)
    started(boxed.dev("start"))
    assert sql(rig, boxed, "SELECT n FROM kept") == "7"


MOVES: dict[str, tuple[tuple[str, ...], str]] = {
    "copy from Docker": (("copy", "--from", "docker", "--to", "native"), "native"),
    "reset": (("reset", "--force"), "docker"),
}


def test_what_ran_runs_again_after_data_were_moved_or_deleted(boxed: Checkout) -> None:
    for case, (argv, place) in MOVES.items():
        started(boxed.dev("data", *argv, timeout=200))
        now = boxed.components()
        assert {name: entry["state"] for name, entry in now.items()} == {"postgres": "ready", "catalog": "ready"}, case
        assert {name: entry["placement"] for name, entry in now.items()} == {"postgres": place, "catalog": "native"}
