"""Infrastructure that is declared by its image alone, on a real engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import NO_ENGINE, TOOL, Checkout
from tests.real.rig import Rig
from tests.real.test_placements import project, started

STATE = """[docker]
[infra.store-2]
image = "postgres:18"
port = {port}
container_port = 5432
command = ["postgres", "-c", "application_name=$HOME"]
volumes = ["data:/var/lib/postgresql", "./conf:/conf:ro"]
env = {{ POSTGRES_PASSWORD = "a$b'c", POSTGRES_DB = "shop", SELF = "{{store-2.address}}" }}
[services.asker]
kind = "command"
dev = "exec sleep 600"
env = {{ STORE = "{{store-2.address}}" }}
"""


@pytest.fixture
def declared(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> Iterator[Checkout]:
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    checkout.write("conf/word", "hello")
    checkout.state(STATE.format(port=free_port()))
    yield checkout
    checkout.dev("clean", "--force")
    label = f"label=com.docker.compose.project={project(checkout)}"
    assert rig.docker("volume", "ls", "-q", "--filter", label).stdout == "", "clean left a volume"


def test_it_runs_by_its_entry_keeps_its_data_and_is_made_again_when_the_entry_changes(
    declared: Checkout, rig: Rig
) -> None:
    started(declared.dev("start"))
    box, port = f"{project(declared)}-store-2-1", declared.components()["store-2"]["port"]
    about = json.loads(rig.docker("inspect", box).stdout)[0]
    assert about["Config"]["Cmd"] == ["postgres", "-c", "application_name=$HOME"]
    assert {"POSTGRES_PASSWORD=a$b'c", "SELF=store-2:5432"} <= set(about["Config"]["Env"])
    assert not [each for each in about["Config"]["Env"] if each.startswith(("MODE=", "HOST="))]
    published = about["NetworkSettings"]["Ports"]["5432/tcp"]
    assert published == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    assert f"STORE=127.0.0.1:{port}" in declared.dev("env", "asker").out
    psql = ["exec", "-u", "postgres", box, "psql", "-XAtq", "-d", "shop", "-c"]
    rig.docker(*psql, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    assert rig.docker("exec", box, "cat", "/conf/word").stdout == "hello"
    assert "ready already" in started(declared.dev("start")).err
    text = (declared.path / "desired_state.toml").read_text()
    (declared.path / "desired_state.toml").write_text(text.replace("application_name=$HOME", "application_name=two"))
    assert "ready already" not in started(declared.dev("start", "store-2")).err
    assert rig.docker(*psql, "SELECT n, current_setting('data_directory') <> '' FROM kept").stdout.strip() == "7|t"
    started(declared.dev("stop"))
    refused = declared.dev("start", env={"DOCKER_HOST": NO_ENGINE})
    assert refused.code == 3 and "store-2" in refused.err and "itself failed" not in refused.err
