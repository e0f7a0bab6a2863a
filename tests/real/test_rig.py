"""The rig does what all tests of Docker rely on; without it they would prove nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from facts.engine import Engine
from tests.conftest import TOOL, wait_until
from tests.real import daemons
from tests.real import rig as rigs
from tests.real.place import lacks
from tests.real.rig import Rig

NAME = "rig-test-postgres"


@pytest.fixture
def postgres(rig: Rig) -> str:
    """An image that the engine has only by pulling it, under the name that users write."""
    rig.docker("rm", "-fv", NAME, check=False)
    rig.docker("rmi", "-f", "postgres:18", check=False)
    return "postgres:18"


def ask(rig: Rig, sql: str) -> str:
    return rig.docker(
        "exec", NAME, "psql", "-h", "127.0.0.1", "-U", "postgres", "-Atc", sql, "shop", check=False
    ).stdout.strip()


def test_an_image_is_pulled_by_tag_and_by_digest_and_runs(rig: Rig, postgres: str) -> None:
    rig.docker("pull", postgres)
    by_tag = rig.docker("image", "inspect", "-f", "{{.Id}}", postgres).stdout
    rig.docker("rmi", "-f", postgres)
    rig.docker("pull", rig.pinned(postgres))
    assert rig.docker("image", "inspect", "-f", "{{.Id}}", rig.pinned(postgres)).stdout == by_tag
    rig.docker(
        "run", "-d", "--name", NAME, "-e", "POSTGRES_PASSWORD=secret", "-e", "POSTGRES_DB=shop", rig.pinned(postgres)
    )
    try:
        wait_until(lambda: ask(rig, "SELECT 6 * 7") == "42")
        assert ask(rig, "SHOW server_version").startswith("18")
        assert rig.docker("exec", NAME, "stat", "-c", "%u", "/proc/1").stdout.strip() == "999"
        rig.docker("stop", NAME)
        assert rig.docker("inspect", "-f", "{{.State.ExitCode}}", NAME).stdout.strip() == "0"
    finally:
        rig.docker("rm", "-fv", NAME)


def test_an_unknown_digest_is_not_had(rig: Rig) -> None:
    wrong = f"postgres@sha256:{'0' * 64}"
    assert rig.docker("pull", wrong, check=False).returncode != 0


def test_a_database_without_a_password_is_not_made(rig: Rig) -> None:
    ran = rig.docker("run", "--rm", "postgres:18", check=False)
    assert ran.returncode == 1 and "POSTGRES_PASSWORD" in ran.stderr


def test_a_second_up_has_nothing_to_build(rig: Rig) -> None:
    before = daemons.engine_pid(rig.place)
    again = rigs.up()
    assert again.built == () and again.digests == rig.digests
    assert daemons.engine_pid(rig.place) == before


def test_the_engine_is_not_the_default_one(rig: Rig) -> None:
    info = Engine(rig.host).get("/info")
    assert info["DockerRootDir"] == str(rig.place.root / "data")
    assert Path(rig.host.removeprefix("unix://")) != Path("/var/run/docker.sock")


def test_a_killed_engine_comes_back_with_its_images(rig: Rig) -> None:
    rig.docker("pull", "postgres:18")
    rig.kill()
    assert not daemons.engine_answers(rig.place)
    rig.restart()
    rig.docker("image", "inspect", "postgres:18")


def test_a_rig_that_a_test_run_uses_is_not_ended(rig: Rig) -> None:
    down = subprocess.run([sys.executable, "-m", "tests.real.rig", "down"], cwd=TOOL, capture_output=True, text=True)
    assert down.returncode == 1 and "stays" in down.stdout
    assert daemons.engine_answers(rig.place)


def test_what_is_missing_is_named(rig: Rig, tmp_path: Path) -> None:
    for name in ("dockerd", "docker", "mmdebstrap", "ip"):
        (tmp_path / name).symlink_to("/bin/true")
    reason = lacks(str(tmp_path))
    assert reason == "the rig needs docker-registry, iptables: `./dev test --yes` installs docker-registry iptables"
