"""What is made of a Docker engine, and of the Compose plugin, that are not as wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converge import tools
from converge.data_engine import DataEngine
from converge.plan import make_plan
from converge.steps import Item
from facts.compose import Plugin
from facts.daemon import Daemon
from facts.docker import Docker
from facts.layers import Layers
from facts.machine import System
from facts.tools import Tool
from facts.value import Unknown
from tests.operations.test_items import context, items

WANTS = "[docker]\n"
ROOT, BO = Daemon(user="root"), Daemon(user="bo", member=False, joined=False)
INSTALLED = replace(ROOT, program="/usr/sbin/dockerd")
READY = Docker("ready", "unix:///var/run/docker.sock", "20.10.24+dfsg1", "1.41")
GOOD = Plugin("/p/docker-compose", "2.26.1")
AWAY = Unknown("no answer within 10 s")


def seen(docker: object = READY, around: object = ROOT, plugin: object = GOOD, **more: object) -> dict[str, Any]:
    return {
        "docker": docker, "docker.daemon": around, "docker.plugin": plugin, "docker.layers": None,
        "docker.data": DataEngine(),
        "tools.docker-compose": Tool(), "packages.manager": "apt", "machine.system": System("Linux", "6", "x86_64"),
        "machine.surroundings": (), **more,
    }  # fmt: skip


def engine(text: str, observation: dict[str, Any]) -> Item:
    return items("docker", context(text), observation)["docker.engine"]


@pytest.mark.parametrize(
    ("want", "version", "status"),
    [(">=20.10", "20.10.24+dfsg1", "ok"), (">=20.10", "19.03.8", "manual"), (">=28", "28.2.2", "ok"),
     ("<28", "28.0", "manual")],
)  # fmt: skip
def test_an_engine_that_runs_is_compared_and_never_replaced(want: str, version: str, status: str) -> None:
    item = engine(f"[docker]\nengine = '{want}'\n", seen(replace(READY, engine=version)))
    assert item.status == status and item.step is None
    assert status == "ok" or ("docker.io" in item.hint and item.code == "engine-old")


def test_without_an_engine_the_distributions_is_installed() -> None:
    item = engine(WANTS, seen(Docker("absent")))
    assert item.status == "drift" and item.step and item.step.reach == "system"
    assert item.step.args["package"] == "docker.io" and item.step.by_hand.startswith("sudo apt-get install")
    assert "dockerd" in item.step.by_hand
    fedora = engine(WANTS, seen(Docker("absent"), **{"packages.manager": "dnf"}))
    assert fedora.step and fedora.step.args["package"] == "moby-engine"


@pytest.mark.parametrize(("manager", "hint"), [("brew", "colima"), (None, "by hand")])
def test_where_none_can_be_installed_a_person_is_told(manager: str | None, hint: str) -> None:
    item = engine(WANTS, seen(Docker("absent"), **{"packages.manager": manager}))
    assert item.status == "manual" and hint in item.hint and 'engine = "off"' in item.hint


@pytest.mark.parametrize("state", ["down", "stale"])
@pytest.mark.parametrize(
    ("around", "by_hand"),
    [(replace(INSTALLED, systemd=True, unit=True, script=True), "sudo systemctl enable --now docker"),
     (replace(INSTALLED, unit=True, script=True), "sudo service docker start"), (INSTALLED, "setsid dockerd")],
)  # fmt: skip
def test_one_that_does_not_run_is_started_by_what_runs_the_machine(state: Any, around: Daemon, by_hand: str) -> None:
    item = engine(WANTS, seen(Docker(state, because="nothing listens"), around))
    assert item.because == "nothing listens" and item.status == "drift" and item.step and by_hand in item.step.by_hand
    assert "package" not in item.step.args


@pytest.mark.parametrize(
    ("docker", "system", "around", "hint"),
    [
        (Docker("down", flavour="desktop"), "Darwin", (), "open -a Docker"),
        (Docker("down", flavour="desktop"), "Linux", (), "systemctl --user start docker-desktop"),
        (Docker("down", flavour="desktop"), "Linux", ("wsl",), "WSL integration"),
        (Docker("stale", flavour="colima"), "Darwin", (), "colima start"),
        (Docker("down", flavour="orbstack"), "Darwin", (), "open -a OrbStack"),
        (Docker("stale", "unix:///run/user/1/docker.sock", flavour="rootless"), "Linux", (), "systemctl --user"),
        (Docker("stale", "unix:///run/podman/podman.sock", flavour="podman"), "Linux", (), "podman.socket"),
    ],
)
def test_an_app_that_brings_an_engine_is_never_doubled(
    docker: Docker, system: str, around: tuple[str, ...], hint: str
) -> None:
    observation = seen(docker, INSTALLED, **{"machine.system": System(system, "", ""), "machine.surroundings": around})
    item = engine(WANTS, observation)
    assert item.status == "manual" and item.step is None and hint in item.hint and item.code == "engine-app"


@pytest.mark.parametrize(
    ("docker", "hint"),
    [(Docker("wrong-host", "tcp://10.0.0.1:2375", origin="DOCKER_HOST"), "unset DOCKER_HOST"),
     (Docker("wrong-context", origin="DOCKER_CONTEXT"), "unset DOCKER_CONTEXT"),
     (Docker("wrong-context", origin="config"), "docker context use default"),
     (Docker("wrong-host", "ssh://build", origin="context build"), "docker context use default")],
)  # fmt: skip
def test_an_address_of_the_users_own_is_the_users_to_change(docker: Docker, hint: str) -> None:
    item = engine(WANTS, seen(docker, INSTALLED))
    assert (item.status, item.hint, item.step, item.code) == ("manual", hint, None, "engine-elsewhere")


DEFAULT, OWN = "unix:///var/run/docker.sock", "unix:///srv/own.sock"
HAS_DATA = {
    "the one with the data is down": (Docker("wrong-host", OWN, origin="DOCKER_HOST"), OWN, "start this engine"),
    "it is that of a context": (Docker("wrong-host", OWN, origin="context own"), OWN, "start this engine"),
    "another one is down": (Docker("wrong-host", "unix:///x", origin="DOCKER_HOST"), OWN, f"export DOCKER_HOST={OWN}"),
    "a remote one": (Docker("wrong-host", "tcp://10.0.0.1:2375", origin="DOCKER_HOST"), DEFAULT, "unset DOCKER_HOST"),
    "no such context": (Docker("wrong-context", origin="DOCKER_CONTEXT"), DEFAULT, "unset DOCKER_CONTEXT"),
    "no such current one": (Docker("wrong-context", origin="config"), DEFAULT, "docker context use default"),
    "the default is down": (Docker("down", DEFAULT), OWN, f"export DOCKER_HOST={OWN}"),
    "the default is not installed": (Docker("absent", DEFAULT), OWN, f"export DOCKER_HOST={OWN}"),
}  # fmt: skip


@pytest.mark.parametrize("case", HAS_DATA)
def test_the_engine_with_the_data_is_the_one_to_use(case: str) -> None:
    docker, host, hint = HAS_DATA[case]
    item = engine(WANTS, seen(docker, INSTALLED, **{"docker.data": DataEngine(host, ("postgres", "cache"))}))
    assert (item.status, item.step, item.code) == ("manual", None, "engine-elsewhere")
    assert item.hint.startswith(hint) and "the data of postgres, cache are on" in item.because


@pytest.mark.parametrize("docker", [Docker("down", DEFAULT), Docker("stale", DEFAULT)])
def test_an_empty_record_names_no_engine(docker: Docker) -> None:
    item = engine(WANTS, seen(docker, INSTALLED, **{"docker.data": DataEngine("", ("postgres",))}))
    assert item.status == "drift" and item.step and "DOCKER_HOST" not in item.hint


@pytest.mark.parametrize("docker", [Docker("down", DEFAULT), Docker("stale", DEFAULT)])
def test_the_default_engine_with_the_data_is_started(docker: Docker) -> None:
    item = engine(WANTS, seen(docker, INSTALLED, **{"docker.data": DataEngine(DEFAULT, ("postgres",))}))
    assert item.status == "drift" and item.step


@pytest.mark.parametrize(("api", "status"), [("1.41", "ok"), ("1.40", "manual")])
def test_podman_is_taken_for_what_it_says_it_speaks(api: str, status: str) -> None:
    item = engine(WANTS, seen(replace(READY, flavour="podman", engine="4.3.1", api=api)))
    assert item.status == status and "podman 4.3.1" in item.found


def test_who_may_not_ask_is_admitted_after_the_engine_is_there() -> None:
    found = items("docker", context(WANTS), seen(Docker("absent"), BO))
    step = found["docker.access"].step
    assert step and step.by_hand == "sudo usermod -aG docker bo"
    assert [s.id for s in make_plan(found.values()).steps] == ["docker.engine", "docker.access"]


def test_membership_counts_from_the_next_login() -> None:
    found = items("docker", context(WANTS), seen(Docker("denied"), replace(BO, member=True)))
    assert found["docker.access"].status == "ok" and found["docker.engine"].status == "skipped"
    assert found["docker.login"].status == "manual" and "sg docker -c './dev start'" in found["docker.login"].hint


def test_root_and_members_are_asked_for_nothing() -> None:
    assert set(items("docker", context(WANTS), seen())) == {"docker.engine", "docker.compose"}
    member = items("docker", context(WANTS), seen(READY, replace(BO, member=True, joined=True)))
    assert {item.status for item in member.values()} == {"ok"}


@pytest.mark.parametrize(
    ("plugin", "stored", "status"),
    [(GOOD, "", "ok"), (Plugin(), "", "drift"), (Plugin("/p", "2.5.0"), "", "drift"), (Plugin("/p"), "", "drift"),
     (Plugin("/p", "2.5.0"), "2.26.1", "ok"), (Plugin(), "2.19.0", "drift"), (AWAY, "", "unknown")],
)  # fmt: skip
def test_compose_is_the_plugin_or_the_stores(plugin: object, stored: str, status: str) -> None:
    tool = Tool("2", provider=f"Debian package docker-compose {stored}") if stored else Tool()
    observation = seen(plugin=plugin, **{"tools.docker-compose": tool})
    assert items("docker", context(WANTS), observation)["docker.compose"].status == status
    start = items("tools", context(WANTS), observation)
    assert start == {} if plugin == GOOD else start["tools.docker-compose"].status == status


def test_a_start_fetches_no_compose_where_no_engine_is() -> None:
    found = items("tools", context(WANTS), seen(Docker("absent"), plugin=Plugin()))
    assert found["tools.docker-compose"].status == "skipped"


@pytest.mark.parametrize(
    ("layers", "shown"),
    [(None, False), (Layers("/d", 5, 5), False), (Layers("/d", 1 << 30, 3 << 30), True), (AWAY, False)],
)  # fmt: skip
def test_old_layers_are_named_with_their_size_and_deleted_only_by_id(layers: object, shown: bool) -> None:
    found = items("docker", context(WANTS), seen(**{"docker.layers": layers})).get("docker.disk")
    assert (found is not None) == shown
    assert not found or (found.step and found.step.reach == "destructive" and "3.0 GiB" in found.step.change)


def test_switched_off_nothing_is_looked_at() -> None:
    from converge.operations import load

    off = context("[docker]\nengine = 'off'\n")
    assert load("docker").probes(off) == []
    assert [item.status for item in items("docker", off, {}).values()] == ["skipped"]
    assert "docker-compose" not in tools.wanted(off.desired)


def test_what_could_not_be_looked_up_is_unknown() -> None:
    assert engine(WANTS, seen(AWAY)).status == "unknown"


@pytest.mark.parametrize(
    ("found", "want", "ok"),
    [("20.10.24+dfsg1", ">=20.10", True), ("20.9", ">=20.10", False), ("2.26.1-4", "==2.26", True),
     ("2.20", ">=2.20.0", True), ("v2.5", ">2.20", False), ("", ">=1", False), ("28", "<28.0", False)],
)  # fmt: skip
def test_versions_are_compared_as_numbers(found: str, want: str, ok: bool) -> None:
    assert tools.satisfies(found, want) is ok


def test_the_store_is_asked_for_one_compose() -> None:
    assert tools.wanted(context(WANTS).desired)["docker-compose"] == tools.COMPOSE
    assert "docker-compose" not in tools.wanted(context("").desired)
    assert Path(tools.home("docker-compose", tools.COMPOSE)).parent.name == "docker-compose"
