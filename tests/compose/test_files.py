"""What the Compose files and Dockerfiles of the reference platform promise; they are read, no engine is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from converge import schema, tools

TOOL = Path(__file__).resolve().parents[2]
FILES = ("infra.yaml", "services.yaml", "routes.yaml")
DESIRED = tomllib.loads((TOOL / "desired_state.toml").read_text("utf-8"))
SERVICES = {f"{name}-box": entry for name, entry in DESIRED["services"].items()}
DOCKERFILES = sorted(
    file
    for place in ("compose/*", "services/*", "services/auth/*")
    for file in TOOL.glob(f"{place}/Dockerfile")
    if file.parent.name != "gateway"  # held below
)
BASES = {
    "GO_IMAGE": f"golang:{DESIRED['tools']['go']}-bookworm",
    "NODE_IMAGE": f"node:{DESIRED['tools']['node']}-bookworm-slim",
    "PYTHON_IMAGE": f"python:{DESIRED['tools']['python']}-slim-bookworm",
}
BACKDOORS = [
    file for pattern in ("**/*backdoor*.py", "**/*backdoor*.ts", "**/*_authtest.go")
    for file in (TOOL / "services/auth").glob(pattern) if not {"node_modules", "tests"} & {*file.parts}
    and "no-backdoor" not in file.name
]  # fmt: skip
DOWNLOAD_NOTHING = {"issuer-box"}
"""Of the standard library alone."""
named = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)


def resolved(*names: str, env: Mapping[str, str] = {}) -> dict[str, Any]:
    """The files as Compose understands them, with no variable set but those given."""
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2 to read its own files: ./dev doctor --fix --only docker")
    files = [word for name in names for word in ("-f", str(TOOL / "compose" / name))]
    ran = subprocess.run(
        [program, *files, "--env-file", os.devnull, "config", "--format", "json"], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.devnull, **env}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "variable is not set" not in ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.fixture(scope="module")
def containers() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = resolved(*FILES)["services"]
    return found


def test_every_declared_component_has_its_container(containers: dict[str, dict[str, Any]]) -> None:
    assert set(containers) == set(DESIRED["infra"]) | set(SERVICES)


def test_infrastructure_needs_no_variable_and_is_what_is_declared() -> None:
    model = resolved("infra.yaml")
    for name, entry in DESIRED["infra"].items():
        (port,) = model["services"][name]["ports"]
        assert port["target"] == int(port["published"]) == entry["port"]
        assert entry.get("image", model["services"][name]["image"]) == model["services"][name]["image"]
    declared = " ".join(f"{topic}={','.join(names)}" for topic, names in DESIRED["infra"]["pubsub"]["topics"].items())
    assert model["services"]["pubsub"]["environment"]["PUBSUB_TOPICS"] == declared
    assert model["services"]["pubsub"]["environment"]["PUBSUB_PROJECT_ID"] == DESIRED["project"]["name"]


def test_an_empty_list_of_topics_is_no_topics() -> None:
    model = resolved("infra.yaml", env={"PUBSUB_TOPICS": ""})
    assert model["services"]["pubsub"]["environment"]["PUBSUB_TOPICS"] == ""


def test_everything_is_published_on_loopback_only_and_at_one_port(containers: dict[str, dict[str, Any]]) -> None:
    for name, container in containers.items():
        for port in container["ports"]:
            assert port["host_ip"] == "127.0.0.1", name
            assert port["target"] == int(port["published"]), name
        assert not {"network_mode", "privileged", "pid", "ipc", "devices"} & container.keys(), name


@pytest.mark.parametrize("name", FILES)
def test_no_port_is_written_without_loopback(name: str) -> None:
    """The same promise where there is no Compose to read the files."""
    lists = re.findall(r"^\s+ports: *(.*)$", text(TOOL / "compose" / name), re.MULTILINE)
    one = r'\["127\.0\.0\.1:(\$\{[A-Z]+_PORT:-\d+\}):\1"\]'
    assert all(re.fullmatch(one, each) for each in lists), lists
    assert bool(lists) == (name != "services.yaml")


def test_a_port_moves_inside_and_outside_at_once() -> None:
    env = {f"{name.upper()}_PORT": str(20000 + n) for n, name in enumerate([*DESIRED["infra"], *DESIRED["services"]])}
    for name, container in resolved(*FILES, env=env)["services"].items():
        (port,) = container["ports"]
        wanted = env[f"{name.removesuffix('-box').upper()}_PORT"]
        assert str(port["target"]) == port["published"] == wanted, name


def test_names_and_ports_of_services_stand_in_the_routes_alone() -> None:
    for name, box in resolved("services.yaml")["services"].items():
        assert "ports" not in box and not (box["networks"]["default"] or {}).get("aliases"), name
        assert not box.get("environment"), f"{name}: its environment is the TOML's to say"
    for name, box in resolved(*FILES)["services"].items():
        if name in SERVICES:
            assert box["networks"]["default"]["aliases"] == [name.removesuffix("-box")]
            assert box["ports"][0]["target"] == SERVICES[name]["port"]


def test_everything_says_whose_it_is() -> None:
    model = resolved(*FILES, env={"DEV_INSTANCE": "shop-1", "DEV_CHECKOUT": "/home/ada/shop"})
    things = [*model["services"].items(), *model["volumes"].items()]
    for name, thing in things:
        component = name.removesuffix("-box").removesuffix("-state")
        labels = {"dev.instance": "shop-1", "dev.checkout": "/home/ada/shop", "dev.component": component}
        assert labels == thing["labels"], name
    assert model["networks"]["default"]["labels"]["dev.instance"] == "shop-1"
    assert model["volumes"]["postgres"]["name"].startswith(model["name"])


def test_every_container_is_watched_and_limited(containers: dict[str, dict[str, Any]]) -> None:
    for name, container in containers.items():
        assert int(container["mem_limit"]) <= 512 << 20 and container["pids_limit"], name
        assert {"max-size", "max-file"} <= container["logging"]["options"].keys(), name
        assert container["restart"] == "unless-stopped" and container["stop_grace_period"], name
        health = container["healthcheck"]
        assert health["test"][0] in ("CMD", "CMD-SHELL") and health["interval"] in ("1s", "2s", "3s"), name
        # an engine older than 25 refuses a container that has it
        assert health["start_period"] and "start_interval" not in health, name


def test_every_container_has_no_more_rights_than_it_needs(containers: dict[str, dict[str, Any]]) -> None:
    for name, container in containers.items():
        assert container["cap_drop"] == ["ALL"], name
        assert container["security_opt"] == ["no-new-privileges:true"], name
        if name != "postgres":  # its image starts as root and gives the data to its own user
            assert container["read_only"] and not container.get("cap_add"), name


def test_services_are_asked_what_the_desired_state_asks(containers: dict[str, dict[str, Any]]) -> None:
    for name, entry in SERVICES.items():
        if entry["kind"] == "go":
            assert entry["ready"]["http"] in (TOOL / entry["path"] / "healthy.go").read_text("utf-8")
        else:
            assert entry["ready"]["http"] in " ".join(containers[name]["healthcheck"]["test"])


def test_builds_find_their_files(containers: dict[str, dict[str, Any]]) -> None:
    built = set()
    for container in containers.values():
        if build := container.get("build"):
            dockerfile = Path(build["context"]) / build["dockerfile"]
            assert dockerfile.is_file() and dockerfile.with_name("Dockerfile.dockerignore").is_file()
            built.add(dockerfile)
    assert sorted(built) == DOCKERFILES


def test_a_build_can_have_a_private_index_and_needs_none(containers: dict[str, dict[str, Any]]) -> None:
    for name, container in containers.items():
        if build := container.get("build"):
            wanted = {each["source"] for each in build.get("secrets", ())}
            mounted = set(re.findall(r"type=secret,id=([a-z_]+)", text(Path(build["context"]) / build["dockerfile"])))
            assert wanted == mounted and ("ca" in wanted) == (name not in DOWNLOAD_NOTHING), name
    assert all(each["file"] == os.devnull for each in resolved(*FILES)["secrets"].values())


@named
def test_bases_are_the_pins_of_the_desired_state(dockerfile: Path) -> None:
    arguments = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", text(dockerfile), re.MULTILINE))
    bases = re.findall(r"^FROM (\S+)", text(dockerfile), re.MULTILINE)
    assert arguments and all(BASES[name] == value for name, value in arguments.items())
    assert set(bases) <= {f"${{{name}}}" for name in arguments} | {"scratch"}
    assert len(bases) == 2, "one stage builds, the other is shipped"


@named
def test_images_do_not_run_as_root_and_carry_their_name(dockerfile: Path) -> None:
    last = text(dockerfile).rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+):\d+$", last, re.MULTILINE)
    assert int(user) >= 10000
    assert 'org.opencontainers.image.title="' in last and "org.opencontainers.image.description=" in last
    assert not re.search(r"^RUN ", last, re.MULTILINE), "the shipped stage only copies"
    assert not re.search(r"^(HEALTHCHECK|ADD|EXPOSE|VOLUME) ", text(dockerfile), re.MULTILINE)


@named
def test_builds_need_nothing_a_20_10_engine_lacks(dockerfile: Path) -> None:
    assert "# syntax=" not in text(dockerfile), "it would pull a frontend"
    assert "<<" not in text(dockerfile), "heredocs are younger"
    assert not re.search(r"^(COPY|ADD) .*--(link|chmod|parents|exclude)", text(dockerfile), re.MULTILINE)
    assert not re.search(r"^ARG \w+ \w+", text(dockerfile), re.MULTILINE), "one name per ARG"


@named
def test_downloads_are_checked_against_a_lock(dockerfile: Path) -> None:
    content = text(dockerfile)
    if f"{dockerfile.parent.name}-box" in DOWNLOAD_NOTHING:
        assert not dockerfile.with_name("go.sum").exists()
        return
    assert "go mod download" in content or "npm ci " in content or "pip" in content
    assert "npm install" not in content and ("pip" not in content or "--require-hashes" in content)
    assert "--mount=type=cache" in content


@named
def test_only_what_is_named_reaches_a_build(dockerfile: Path) -> None:
    ignore = dockerfile.with_name("Dockerfile.dockerignore")
    assert text(ignore).splitlines()[0] == "*"
    for path in ("tests/test_x.py", ".env", ".dev/values", "node_modules/x/i.js", "Dockerfile", "catalog/tests/x.py"):
        assert not allowed(path, text(ignore).splitlines()), path
    files = ("go.mod", "package.json", "requirements-image.lock")
    own = [path for file in files for path in (file, f"{dockerfile.parent.name}/{file}")]
    assert any(allowed(path, text(ignore).splitlines()) for path in own)


@pytest.mark.parametrize(
    "dockerfile", [*DOCKERFILES, TOOL / "compose/gateway/Dockerfile"], ids=lambda path: path.parent.name
)
def test_no_history_has_an_address_that_may_have_a_password(dockerfile: Path) -> None:
    """An argument that the last stage declares is kept in the image; predefined ones, as HTTP_PROXY, are not."""
    _, _, last = text(dockerfile).rpartition("\nFROM ")
    assert not re.search(r"(?im)^ARG\s+\w*(PROXY|URL|INDEX|TOKEN|PASSWORD|SECRET|CA)\b", last)


def test_test_users_reach_no_build(containers: dict[str, dict[str, Any]]) -> None:
    """What believes `X-Test-User` is in no build's context, and no build asks for it."""
    assert len(BACKDOORS) == 3
    for build in filter(None, (container.get("build") for container in containers.values())):
        context = Path(build["context"])
        dockerfile = context / build["dockerfile"]
        rules = text(dockerfile.with_name("Dockerfile.dockerignore")).splitlines()
        for backdoor in BACKDOORS:
            if backdoor.is_relative_to(context):
                assert not allowed(str(backdoor.relative_to(context)), rules), (dockerfile, backdoor)
        assert not re.search("authtest|APP_ENV|auth-testing", text(dockerfile)), dockerfile


@pytest.mark.parametrize("name", ("catalog", "notifier"))
def test_an_image_installs_what_the_tests_ran_on_and_no_test_tools(name: str) -> None:
    tested = pins(TOOL / "services" / name / "requirements.lock")
    shipped = pins(TOOL / "services" / name / "requirements-image.lock")
    assert shipped and all(tested[pin] == hashes for pin, hashes in shipped.items())
    assert "pytest" in {pin for pin, _, _ in (each.partition("==") for each in tested)}
    assert not {"pytest", "iniconfig", "pluggy"} & {pin.partition("==")[0] for pin in shipped}
    wanted = [line for line in text(TOOL / "services" / name / "requirements-image.txt").splitlines() if "==" in line]
    assert all(re.sub(r"\[.*?\]", "", line) in shipped for line in wanted)


def pins(lock: Path) -> dict[str, frozenset[str]]:
    """`name==version` -> its hashes."""
    found: dict[str, frozenset[str]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", text(lock)):
        if pin := re.match(r"[a-z0-9.-]+==[^\s;\\]+", block):
            found[pin.group()] = frozenset(re.findall(r"--hash=(\S+)", block))
    assert all(found.values())
    return found


def allowed(path: str, rules: list[str]) -> bool:
    """Whether the rules of a dockerignore let the file through; the last rule that matches decides."""
    kept = True
    for rule in rules:
        pattern = rule.removeprefix("!").replace("**/", "*")
        if fnmatch(path, pattern) or path.startswith(f"{pattern}/"):
            kept = rule.startswith("!")
    return kept


def text(path: Path) -> str:
    return path.read_text("utf-8")


def test_the_gateway_is_pinned_limited_and_publishes_nothing() -> None:
    box = resolved("gateway.yaml")["services"]["dev-gateway"]
    assert re.fullmatch(r"haproxy:\d+\.\d+", box["image"]) and "ports" not in box
    assert box["cap_drop"] == ["ALL"] and box["read_only"] and "no-new-privileges:true" in box["security_opt"]
    assert int(box["mem_limit"]) <= 128 << 20 and {"max-size", "max-file"} <= box["logging"]["options"].keys()
    dockerfile = text(TOOL / "compose/gateway/Dockerfile")
    assert "FROM ${DEBIAN_IMAGE}" in dockerfile and "--no-install-recommends haproxy" in dockerfile
