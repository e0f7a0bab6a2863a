"""What ./dev gives to Compose for a team's file means the same to Compose as the file itself, but for what is ours."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converge import schema, tools
from converge.files_read import FilesRead
from converge.instance import Instance
from facts import surroundings
from facts.engine import Engine
from runtime.docker import rendered
from runtime.docker.compose import Project
from runtime.docker.containers import write_environment
from runtime.platform import Platform
from tests.conftest import TOOL

TABLE = {
    "words": """\
x-log: &log {logging: {driver: json-file}}
services:
  db:
    <<: *log
    image: "postgres:18"
    command: [postgres, -c, "application_name=$$HOME"]
    environment: {POSTGRES_PASSWORD: "a'b\\"c$$d {e} \\\\n", POSTGRES_USER: u, N: 1, T: true, F: 1.50, app.x: "${A:-d}"}
    ports: ["15432:5432"]
    healthcheck: {test: [CMD-SHELL, 'echo "$$A"'], interval: 3s, retries: 7}
    ulimits: {nofile: {soft: 1024, hard: 2048}}
    shm_size: 128m
    stop_grace_period: 1m30s
    tmpfs: /tmp
    sysctls: [net.core.somaxconn=1024]
    user: "1000:1000"
    extra_hosts: ["a:10.0.0.1"]
    cap_drop: [ALL]
    restart: "no"
""",
    "files": """\
services:
  web:
    image: nginx
    ports: ["127.0.0.1:18080:80"]
    env_file: [one.env, {path: gone.env, required: false}, two.env]
    environment: [A=b, "C=$${D}", B]
    volumes:
      - ./conf:/etc/conf:ro
      - {type: bind, source: ./www, target: /www, read_only: true}
      - /anonymous
    configs: [{source: site, target: /site}]
    secrets: [word]
    init: true
    read_only: true
configs: {site: {file: ./site.conf}}
secrets: {word: {file: ./word}}
""",
    "volumes": """\
services:
  store:
    image: ${IMAGE}
    ports: [{target: 9000, published: "19000", protocol: tcp, mode: host}]
    entrypoint: ["/run", "--a=$$1"]
    volumes: ["data:/data", {type: tmpfs, target: /t, tmpfs: {size: 1000}}]
    deploy: {replicas: 1}
    labels: [a=b, c]
    expose: ["9001"]
    logging: {driver: none}
    dns: 1.1.1.1
volumes: {data: {driver: local, driver_opts: {type: none, o: bind, device: ./data}}}
""",
}
OURS = {"container_name", "deploy", "depends_on", "labels", "networks", "profiles", "ports"}
"""Keys that are different on purpose."""
ADDED = {"logging", "restart", "stop_grace_period"}
"""Keys of which a component has a value of its own where the file says nothing."""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Platform]:
    def made(text: str) -> Platform:
        (tmp_path / "docker-compose.yml").write_text(text)
        (tmp_path / ".env").write_text("IMAGE=minio/minio\nA=a $x\nB=of-env\n")
        (tmp_path / "one.env").write_text("A=1\nONE='$A'\nQ=\"${IMAGE} \\n x\"\n")
        (tmp_path / "two.env").write_text("TWO=${ONE} # comment\nexport THREE: x\n")
        for name in ("site.conf", "word"):
            (tmp_path / name).write_text("x")
        text = 'schema = 1\n[project]\nname = "shop"\n[compose]\nfile = "docker-compose.yml"\n'
        loaded = schema.parse(text.encode(), files=FilesRead(tmp_path))
        return Platform(loaded, Instance(tmp_path, "shop"))

    return made


def config(program: Path, folder: Path, argv: list[str], env: dict[str, str]) -> dict[str, Any]:
    ran = subprocess.run(
        [program, *argv, "config", "--format", "json"], capture_output=True, text=True, cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": surroundings.home(), **env}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("case", TABLE)
def test_compose_resolves_both_alike(team: Callable[[str], Platform], tmp_path: Path, case: str) -> None:
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2 to compare with: ./dev doctor --fix --only docker")
    platform = team(TABLE[case])
    project = Project(platform, Engine("unix:///nowhere"), program)
    rendered.write(platform)
    for component in platform.infra.values():
        path = platform.instance.state / "env" / f"{component.name}.env"
        write_environment(project, component)
        assert path.stat().st_mode & 0o077 == 0
    theirs = config(program, tmp_path, [], {})
    argv = ["-f", str(platform.instance.rendered_file), "--env-file", os.devnull]
    ours = config(program, tmp_path, argv, {"DEV_ENV": str(platform.instance.state / "env"), "A": "other"})
    (name,) = theirs["services"]
    before, after = theirs["services"][name], ours["services"][name]
    for volume in before.get("volumes", ()):
        volume["source"] = f"{name}.data" if volume.get("source") == "data" else volume.get("source")
    for volume in after.get("volumes", ()):
        volume.setdefault("source", None)
    for key in (before.keys() | after.keys()) - OURS - (ADDED - before.keys()):
        assert (after.get(key) or None) == (before.get(key) or None), key
    (port,) = after["ports"]
    assert (port["host_ip"], port["target"]) == ("127.0.0.1", before["ports"][0]["target"])
    for key in ("configs", "secrets"):
        assert {each: value["file"] for each, value in theirs.get(key, {}).items()} == {
            each: value["file"] for each, value in ours.get(key, {}).items()
        }


def test_a_name_of_ours_is_the_team_s(team: Callable[[str], Platform], tmp_path: Path) -> None:
    """The `infra.yaml` of ./dev has a `postgres` too; nothing of it is mixed in."""
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2 to compare with: ./dev doctor --fix --only docker")
    platform = team(
        "services: {postgres: {image: 'postgres:17', ports: ['15432:5432'], volumes: ['postgres:/d'], secrets: [ca]}}\n"
        "volumes: {postgres: {}}\nsecrets: {ca: {file: ./word}}\n"
    )
    rendered.write(platform)
    project = Project(platform, Engine("unix:///nowhere"), program)
    made = config(program, tmp_path, project.command([])[1:], project.environment({}))
    found = made["services"]["postgres"]
    assert found["image"] == "postgres:17" and not {"mem_limit", "healthcheck", "cap_drop"} & found.keys()
    assert [each["source"] for each in found["volumes"]] == ["postgres.postgres"]
    assert made["secrets"]["ca"]["file"] == str(tmp_path / "word")


def test_another_instance_has_other_ports(team: Callable[[str], Platform]) -> None:
    text = "services: {web: {image: a, container_name: x, ports: ['18000:80', '18001:81', '18002:82/udp', '83']}}"
    one = team(text)
    two = Platform(one.loaded, Instance(one.instance.checkout, "shop", "two", 18000))
    shift = two.instance.port_shift
    assert shift and rendered.model(two)["services"]["web"]["ports"] == [
        f"127.0.0.1:{18000 + shift}:80", f"127.0.0.1:{18001 + shift}:81/tcp", f"127.0.0.1:{18002 + shift}:82/udp",
    ]  # fmt: skip
    assert one.instance.compose_project != two.instance.compose_project
    assert "container_name" not in rendered.model(one)["services"]["web"]
