"""Secrets of containers: which variables they are, the files they are put into, and what Compose is told of them."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from converge import schema, tools
from converge.derived import services_password
from converge.instance import Instance
from facts.engine import Engine
from runtime.docker import compose, containers, secret_files, secrets
from runtime.environment import of_component
from runtime.infra import postgres
from runtime.platform import Platform
from tests.conftest import HEAD, TOOL
from tests.redaction.forms import Scanner
from tests.runtime import fake_engine

STATE = f"""{HEAD}[env]
GIVEN = {{ secret = true }}
MADE = {{ generate = "token" }}
PUBLIC = "https://bo:{{x}}@a"
DOOR = {{ value = "Zq7x-door-of-tests", secret = true, in_containers = false }}
[infra.postgres]
port = 15432
databases = ["shop"]
[services.a]
kind = "command"
dev = "true"
port = 18080
env = {{ URL = "{{postgres.url}}/shop", ADDRESS = "{{postgres.address}}" }}
"""


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A service and its database, whose password is made."""
    found = Platform(schema.parse(STATE.encode()), Instance(tmp_path, "x"))
    postgres.password(found.infra["postgres"])
    return found


def test_a_variable_is_secret_by_declaration_or_by_a_password_in_its_value(platform: Platform) -> None:
    word = postgres.password(platform.infra["postgres"])
    secret = {
        "GIVEN": "x", "MADE": "", "URL": f"postgresql://dev_services:{services_password(word)}@postgres:5432/shop",
        "PAIR": f"user={word}", "PROXY": "http://bo:Tr0ub4dor@proxy:3128", "TOKEN_URL": "https://ghp_0123@host/x",
    }  # fmt: skip
    plain = {"ADDRESS": "postgres:15432", "PORT": "1", "ISSUER": "http://issuer:1", "TOKEN": "declared as no secret"}
    assert secrets.secret(platform, secret | plain) == secret.keys()


def test_what_only_tests_use_is_in_no_container(platform: Platform) -> None:
    service = platform.services["a"]
    assert "DOOR" in of_component(platform, service) and "DOOR" not in of_component(platform, service, "docker")


def test_a_file_has_the_value_and_another_value_is_in_another_directory(tmp_path: Path) -> None:
    instance = Instance(tmp_path, "x")
    values = {"A": "one", "B": "two\n", "C": "drei ü\udcff"}
    assert secret_files.directory(instance, "a") is None and not instance.state.exists()
    umask = os.umask(0o077)
    try:
        secret_files.write(instance, "a", values)
    finally:
        os.umask(umask)
    first = secret_files.directory(instance, "a")
    assert first and secret_files.names(instance, "a") == values.keys()
    found = {path.name: path.read_bytes() for path in first.iterdir()}
    assert found == {"A": b"one", "B": b"two\n\n", "C": "drei ü".encode() + b"\xff"}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (first.parent, first.parent.parent)}
    assert modes == {0o700} and stat.S_IMODE(first.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in first.iterdir()} == {0o444}
    secret_files.write(instance, "a", values)
    assert secret_files.directory(instance, "a") == first, "the same content: no container is made again"
    secret_files.write(instance, "a", {"A": "other"})
    second = secret_files.directory(instance, "a")
    assert second and second != first and first.exists(), "the container before still has its own"
    secret_files.sweep(instance, "a")
    assert not first.exists() and [path.name for path in second.iterdir()] == ["A"]
    secret_files.remove(instance, "a")
    assert secret_files.directory(instance, "a") is None and not second.exists()


@pytest.mark.parametrize("harm", ["gone", "named pipe", "link", "elsewhere", "no file"])
def test_a_damaged_note_of_the_present_files_is_made_again(tmp_path: Path, harm: str) -> None:
    instance = Instance(tmp_path, "x")
    secret_files.write(instance, "a", {"A": "one"})
    note = instance.container_secrets / "a" / "current"
    note.unlink()
    if harm == "named pipe":
        os.mkfifo(note)
    elif harm == "link":
        (note.parent / "0123456789ab").symlink_to(tmp_path)
        note.write_text("0123456789ab\n")
    elif harm == "elsewhere":
        note.write_text("../../..\n")
    elif harm == "no file":
        note.write_text("no-such-directory\n")
    secret_files.write(instance, "a", {"A": "one"})
    found = secret_files.directory(instance, "a")
    assert found and found.parent == note.parent and (found / "A").read_bytes() == b"one"


def test_what_compose_is_told_has_no_secret(tmp_path: Path) -> None:
    """Our own Compose files with the whole platform, as Compose itself resolves them: no engine is needed."""
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2: ./dev doctor --fix --only docker")
    shutil.copytree(TOOL / "compose", tmp_path / "compose")
    loaded = schema.load(TOOL)
    instance = Instance(tmp_path, "shop")
    (tmp_path / ".dev").mkdir(mode=0o700)
    names = ("SERVICE_AUTH_TOKEN", "AUTH_ISSUER_SECRET", "TEST_AUTH_SECRET", "CLERK_SECRET_KEY")
    known = {name: f"Zq7x-{name.lower()}-value-of-it" for name in names}
    (tmp_path / ".dev/values").write_text("".join(f"{name}={value}\n" for name, value in known.items()))
    project = compose.Project(Platform(loaded, instance), Engine("unix:///nowhere"), program)
    word = postgres.password(project.platform.infra["postgres"])
    scanner = Scanner({**known, "postgres": word, "services": services_password(word)})
    for component in project.platform.components.values():
        containers.write_environment(project, component)
    resolved = project.run(["config", "--format", "json"], compose.values(project, {}))
    assert scanner.found(resolved) == set()
    assert not any(scanner.found(path.read_text()) for path in (instance.state / "env").iterdir())
    boxes = json.loads(resolved)["services"]
    given = {key: {name for name in box.get("environment", {}) if name.endswith("_FILE")} for key, box in boxes.items()}
    assert given["postgres"] == {"POSTGRES_PASSWORD_FILE"} and given["pubsub"] == set()
    assert given["orders-box"] == {"DATABASE_URL_FILE", "SERVICE_AUTH_TOKEN_FILE"}
    assert given["issuer-box"] == {"AUTH_ISSUER_SECRET_FILE", "SERVICE_AUTH_TOKEN_FILE"}
    assert given["web-box"] == {"CLERK_SECRET_KEY_FILE", "SERVICE_AUTH_TOKEN_FILE"}
    for key, component in {compose.key(each): each for each in project.platform.components.values()}.items():
        mounts = [volume for volume in boxes[key].get("volumes", ()) if volume["target"] == compose.SECRETS]
        directory = secret_files.directory(instance, component.name)
        assert [(each["source"], each["read_only"]) for each in mounts] == (
            [(str(directory), True)] if directory else []
        )
        assert {f"{name}_FILE" for name in secret_files.names(instance, component.name)} == given[key]


def test_a_container_that_is_made_again_gets_the_files_of_its_secrets(platform: Platform, tmp_path: Path) -> None:
    """The one before is taken away with its files, as it is in no network."""
    instance, volume = platform.instance, {"source": f"{compose.OURS}/postgres", "target": compose.SECRETS}
    fake_engine.compose(tmp_path, f"env >{tmp_path}/env", {"postgres": {"volumes": [volume]}})
    row = {
        "Id": "c1", "State": {"Status": "exited"}, "Labels": {"com.docker.compose.service": "postgres"},
        "Config": {"Tty": False}, "HostConfig": {"NetworkMode": f"{instance.compose_project}_default"},
    }  # fmt: skip
    answers = {"/containers/json": (200, [row]), "/containers/c1/json": (200, row), "/networks": (200, [])}
    stopped: list[str] = []
    with fake_engine.engine({**fake_engine.VERSION, **answers}) as engine:
        project = compose.Project(platform, Engine(engine.host), tmp_path / "cli-plugins/docker-compose")
        containers.make(project, platform.infra, {}, str, stopped.extend)
        assert "DELETE /containers/c1" in engine.asked and stopped[0] == "postgres"
    told = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
    mounted = secret_files.directory(instance, "postgres")
    assert mounted and told["POSTGRES_SECRETS"] == str(mounted) and told["POSTGRES_PASSWORD"] == ""
    assert (mounted / "POSTGRES_PASSWORD").read_text() == postgres.password(platform.infra["postgres"])


def test_an_image_that_knows_variables_alone_still_gets_them(platform: Platform, tmp_path: Path) -> None:
    """No mount at `/run/secrets`: the Compose file of a service whose program reads no files."""
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2: ./dev doctor --fix --only docker")
    (tmp_path / "compose").mkdir()
    file = tmp_path / "compose/services.yaml"
    box = "services:\n  a-box:\n    image: x\n"
    project = compose.Project(platform, Engine("unix:///nowhere"), program)
    found = of_component(platform, platform.services["a"], "docker")
    mount = "    volumes: ['${A_SECRETS:-./secrets}:/run/secrets/:ro']\n"
    other = mount.replace("${A_SECRETS:-./secrets}", "./own")
    for text, names in ((box, {"URL"}), (box + mount, {"URL_FILE"}), (box, {"URL"}), (box + other, {"URL"})):
        file.write_text(text)
        fresh = compose.Project(project.platform, project.engine, project.program)
        handed = secrets.hand(fresh, platform.services["a"], found)
        assert {name for name in handed if name.startswith("URL")} == names
        assert ("A_SECRETS" in compose.values(fresh, {})) == (names == {"URL_FILE"})
