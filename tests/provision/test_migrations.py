"""A migration runs whenever its inputs or its database changed, also while its service lives; a failed one is known."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import cycle, schema
from converge.errors import DevError
from converge.instance import Instance
from converge.plan import make_plan
from runtime.data import snapshots
from runtime.platform import Platform
from runtime.provision import NOUNS, inputs, notes
from runtime.provision.running import marker as marker_of
from tests.conftest import HEAD, Checkout, wait_until
from tests.provision.conftest import SLEEPER, Running

WORLD = {
    "app.py": "", "migrations/1.sql": "", "tables/1.sql": "", "db/migrate.rb": "", "shared/prisma/schema.prisma": "",
    "up.sh": "", "changes/1.xml": "", "pkg/up.py": "", "node_modules/x/migrations/1.sql": "", "runs": "",
}  # fmt: skip


def stamp(path: Path, more: str) -> inputs.Stamp:
    migrate = "" if "migrate = " in more else "migrate = 'sh up.sh >> runs'"
    text = HEAD + f"[services.s]\nkind = 'command'\ndev = 'true'\npath = 'svc'\n{migrate}\n{more}\n"
    platform = Platform(schema.parse(text.encode()), Instance(path, "story"))
    return inputs.stamp(platform, platform.services["s"])


@pytest.fixture
def world(tmp_path: Path) -> Path:
    for name, text in WORLD.items():
        (tmp_path / "svc" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "svc" / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("more", "file", "said"),
    [
        ("", "migrations/2.sql", "migrations/2.sql is new"),
        ("", "migrations/1.sql", "migrations/1.sql changed"),
        ("", "tables/1.sql", "tables/1.sql changed"),
        ("", "up.sh", "up.sh changed"),
        ("", "db/migrate.rb", "db/migrate.rb changed"),
        ("", "shared/prisma/schema.prisma", "shared/prisma/schema.prisma changed"),
        ("watch = ['../lib']", "../lib/migrations/1.sql", "../lib/migrations/1.sql is new"),
        ("migrate = 'python -m pkg.up'", "pkg/up.py", "pkg/up.py changed"),
        ("migrate = 'tool --changes=changes up'", "changes/1.xml", "changes/1.xml changed"),
        ("migrate_inputs = ['../lib/**/*.txt', 'changes']", "../lib/a/b.txt", "../lib/a/b.txt is new"),
        ("migrate_inputs = ['../lib/**/*.txt', 'changes']", "changes/1.xml", "changes/1.xml changed"),
        ("", "app.py", ""),
        ("", "runs", ""),
        ("", "node_modules/x/migrations/1.sql", ""),
        ("", "migrations/.2.sql.swp", ""),
        ("migrate_inputs = ['changes']", "migrations/1.sql", ""),
    ],
)
def test_a_change_of_what_a_migration_depends_on_is_seen(world: Path, more: str, file: str, said: str) -> None:
    before = stamp(world, more)
    path = world / "svc" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("another")
    assert inputs.changes(before, stamp(world, more)) == said


@pytest.mark.parametrize(
    ("more", "said"), [("env = { A = 'b' }", "its environment changed"), ("retries = 3", ""), ("once = true", "")]
)
def test_another_environment_is_a_change_and_another_habit_is_none(world: Path, more: str, said: str) -> None:
    assert inputs.changes(stamp(world, ""), stamp(world, more)) == said


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path), lambda path: path.symlink_to("gone")])
def test_only_files_can_be_inputs(world: Path, make: Callable[[Path], None]) -> None:
    before = stamp(world, "")
    make(world / "svc/migrations/2.sql")
    assert inputs.changes(before, stamp(world, "")) == ""


def test_without_its_directory_a_migration_is_refused(checkout: Checkout) -> None:
    checkout.state("[services.s]\nkind = 'command'\npath = 'gone'\nmigrate = 'true'\ndev = 'exec sleep 1000'\n")
    ran = checkout.dev("start", "--no-fix")
    assert (
        ran.code == 3 and "error[no-directory]: s has no directory gone" in ran.err and "desired_state.toml:" in ran.err
    )


CHANGES: dict[str, Callable[[str], str]] = {
    "command": lambda text: text.replace("1000", "1001"),
    "environment": lambda text: text + "env = { A = 'b' }\n",
    "migration": lambda text: text.replace("sh migrate.sh", "sh ./migrate.sh"),
    "file": lambda text: text,
}
"""What changes in the entry of a service, besides the script that is its migration."""


@pytest.mark.parametrize("command", [["start", "--no-fix"], ["restart"]], ids=lambda argv: argv[0])
def test_a_migration_that_fails_stops_nothing(checkout: Checkout, command: list[str]) -> None:
    entry = "kind = 'command'\nstop_grace = 0.5\ndev = 'exec sleep 1000'\nmigrate = 'sh migrate.sh'\n"
    checkout.state("".join(f"[services.{name}]\n{entry}" for name in CHANGES))
    script = checkout.write("migrate.sh", "true\n")
    assert checkout.dev("start", "--no-fix").code == 0
    before = checkout.components()
    script.write_text("echo no such table; exit 7\n")
    checkout.state("".join(f"[services.{name}]\n{change(entry)}" for name, change in CHANGES.items()))
    failed = checkout.dev(*command)
    assert failed.code == 3 and "no such table" in failed.err, failed.err
    after = checkout.components()
    assert {each["state"] for each in after.values()} == {"failed"} and all(each["pid"] for each in before.values())
    assert {name: each["pid"] for name, each in after.items()} == {name: each["pid"] for name, each in before.items()}


@pytest.mark.parametrize("pattern", ["/etc/*", "../../*", "../../../x/**"])
def test_inputs_outside_the_checkout_are_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(DevError) as refused:
        stamp(tmp_path, f"migrate_inputs = ['{pattern}']")
    assert refused.value.code == "bad-path" and "desired_state.toml:" in refused.value.source


NUMBERS = itertools.count()
COUNTING = "migrate = 'echo x >> runs; cat migrations/*'\nenv = { DATABASE_URL = '{postgres.url}/counted' }\n"


@pytest.fixture
def service(running: Running) -> Callable[[str], str]:
    """Declares a service of the test's own, whose migration counts its runs."""

    def declare(migrate: str = COUNTING) -> str:
        directory = running.checkout.path / "migrations"
        shutil.rmtree(directory, ignore_errors=True)
        (running.checkout.path / "runs").unlink(missing_ok=True)
        running.checkout.write("migrations/1.sql", "-- the first one\n")
        name = f"counter-{next(NUMBERS)}"  # another one for each test: what is known of a service outlives it
        running.declare("databases = ['counted']", more=SLEEPER.format(name=name) + migrate)
        return name

    return declare


def runs(running: Running) -> int:
    return (running.checkout.path / "runs").read_text().count("x")


def test_a_new_migration_runs_while_its_service_lives(running: Running, service: Callable[[str], str]) -> None:
    name = service()
    assert running.start().code == 0
    known, pid = runs(running), running.state(name).pid
    assert running.items("migrations")[f"migrations.{name}"].status == "ok"
    running.checkout.write("migrations/2.sql", "-- the second one\n")
    item = running.items("migrations")[f"migrations.{name}"]
    assert (item.status, item.found) == ("drift", "migrations/2.sql is new")
    assert running.start().code == 0 and runs(running) == known + 1
    assert running.state(name).pid == pid
    assert "the second one" in running.now.services[name].log.read_text()
    running.checkout.write("migrations/3.sql", "-- the third one\n")
    fixed = running.checkout.dev("doctor", "--fix", "--only", "migrations")
    assert fixed.code == 0 and runs(running) == known + 2 and running.state(name).pid == pid
    assert running.start().code == 0 and runs(running) == known + 2, "nothing changed"


def test_a_failed_migration_is_known_until_it_went_well(running: Running, service: Callable[[str], str]) -> None:
    name = service("migrate = 'echo x >> runs; sh migrations/*.sh'\n")
    script = running.checkout.write("migrations/1.sh", "true\n")
    assert running.start().code == 0
    pid = running.state(name).pid
    script.write_text("echo cannot add the column; exit 7\n")
    for _ in range(2):
        ran = running.start()
        assert ran.code == 3 and "ended with 7: cannot add the column" in ran.err
        state = running.state(name)
        assert state.state == "failed" and "cannot add the column" in state.reason and state.pid == pid
        assert running.items("migrations")[f"migrations.{name}"].status == "drift"
    script.write_text("true\n")
    assert running.start().code == 0 and running.state(name).state == "ready" and running.state(name).pid == pid


def test_a_migration_that_runs_can_be_seen(running: Running, service: Callable[[str], str]) -> None:
    name = service("migrate = 'echo adding a column; until [ -e go ]; do sleep 0.05; done'\n")
    (running.checkout.path / "go").unlink(missing_ok=True)
    process = running.checkout.popen("start", "--no-fix")
    marker = marker_of(running.now.services[name])
    try:
        wait_until(marker.exists, 60)
        wait_until(lambda: "adding a column" in running.now.services[name].log.read_text(), 60)
        about = json.loads(marker.read_text())
        assert Path(f"/proc/{about['pid']}").exists() and about["began"] > 0
        assert running.state(name).state == "migrating"
    finally:
        running.checkout.write("go", "")
        process.communicate(timeout=120)
    assert process.returncode == 0 and not marker.exists()


def test_a_snapshot_knows_which_migrations_it_has(running: Running, service: Callable[[str], str]) -> None:
    name = service()
    assert running.start().code == 0
    snapshots.snapshot(running.now, "first", force=True)
    running.checkout.write("migrations/2.sql", "-- the second one\n")
    assert running.start().code == 0
    snapshots.restore(running.now, "first")
    item = running.items("migrations")[f"migrations.{name}"]
    assert item.found == "migrations/2.sql is new", "the restored data are older than it"
    (running.checkout.path / "migrations/2.sql").unlink()
    assert running.items("migrations")[f"migrations.{name}"].status == "ok"


@pytest.mark.parametrize("lost", ["directory", "database"])
def test_a_database_that_was_made_again_is_migrated(running: Running, service: Callable[[str], str], lost: str) -> None:
    name = service()
    assert running.start().code == 0
    known, pid = runs(running), running.state(name).pid
    if lost == "directory":
        assert running.checkout.dev("stop", "postgres").code == 0
        shutil.rmtree(running.now.instance.data / "postgres")
    else:
        running.sql('DROP DATABASE "counted" WITH (FORCE)')
    ran = running.start()
    assert ran.code == 0 and runs(running) == known + 1
    assert ("began with empty databases" in ran.err) == (lost == "directory")
    assert (running.state(name).pid != pid) == (lost == "directory"), "only other data need another process"
    again = running.start()
    assert again.code == 0 and runs(running) == known + 1 and "empty" not in again.err


def test_what_a_service_needs_comes_first(running: Running, service: Callable[[str], str]) -> None:
    """A repair makes the database, then migrates it."""
    name = service()
    assert running.start().code == 0
    running.sql('DROP DATABASE "counted" WITH (FORCE)')
    report = cycle.fix(running.now.loaded, running.now.instance, ["databases", "migrations"], more=NOUNS)
    assert [outcome.step.id for outcome in report.outcomes] == ["databases.postgres.counted", f"migrations.{name}"]
    assert report.exit_code == 0 and runs(running) == 2
    platform = running.now
    running.sql('ALTER DATABASE "counted" OWNER TO postgres')
    running.checkout.write("migrations/2.sql", "-- the second one\n")
    plan = make_plan(cycle.doctor(platform.loaded, platform.instance, None, NOUNS).items)
    assert plan.needs[f"migrations.{name}"] == {"databases.postgres.counted"}


def test_stopping_forgets_why_it_failed(running: Running, service: Callable[[str], str]) -> None:
    name = service("migrate = 'exit 9'\n")
    assert running.start().code == 3
    failed = running.now.services[name]
    assert running.state(name).state == "failed" and notes.trouble(failed)
    assert running.checkout.dev("stop", name).code == 0
    assert running.state(name).state == "stopped"
