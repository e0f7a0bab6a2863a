"""A new laptop: from a bare machine to a Docker engine that works, for each kind of user.

Whether it works is asked of the machine by testinfra and by the docker client, not of our own facts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import testinfra

from tests.real.laptop import Laptop, laptop
from tests.real.rig import Rig

ONE = 'services: {one: {image: "debian:bookworm-slim", command: sleep infinity, init: true}}'
NewLaptop = Callable[[str], Laptop]


@pytest.fixture(scope="module")
def new_laptop(rig: Rig) -> Iterator[NewLaptop]:
    """Makes a laptop with a clone for its user; all are gone afterwards.

    testinfra asks them through the docker client, which finds the rig's engine by DOCKER_HOST alone.
    """
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = rig.host
    with ExitStack() as laptops:

        def make(user: str) -> Laptop:
            machine = laptops.enter_context(laptop(rig, f"laptop-of-{user}"))
            machine.clone(user)
            return machine

        yield make
    os.environ.pop("DOCKER_HOST")
    if before is not None:
        os.environ["DOCKER_HOST"] = before


def from_outside(machine: Laptop) -> Any:
    """The machine as testinfra sees it, as root."""
    return testinfra.get_host(f"docker://{machine.name}")


def assert_engine_works(machine: Laptop, user: str) -> None:
    host = from_outside(machine)
    assert host.package("docker.io").is_installed
    assert len(host.process.filter(comm="dockerd")) == 1
    socket = host.file("/var/run/docker.sock")
    assert socket.is_socket and (socket.user, socket.group, socket.mode) == ("root", "docker", 0o660)
    version = machine.run(user, "docker compose version --short")
    assert version.code == 0, version.err
    assert tuple(int(part) for part in version.out.strip().lstrip("v").split(".")[:2]) >= (2, 20)
    ran = machine.run(user, "docker run --rm debian:bookworm-slim echo hello")
    assert ran.out.strip() == "hello", ran.err
    composed = machine.run(user, f"echo '{ONE}' >/tmp/one.yaml && docker compose -f /tmp/one.yaml up -d --wait")
    assert composed.code == 0, composed.err
    assert machine.run(user, "docker compose -f /tmp/one.yaml down -t 1").code == 0


def test_root_gets_an_engine_and_a_second_fix_has_nothing_to_do(new_laptop: NewLaptop) -> None:
    machine = new_laptop("root")
    assert not from_outside(machine).exists("dockerd")
    fixed = machine.run("root", "./dev doctor --fix --yes")
    assert fixed.code == 0, fixed.out + fixed.err
    assert_engine_works(machine, "root")
    again = machine.run("root", "./dev doctor --fix --yes --json")
    assert again.code == 0 and again.json["rounds"] == 0, again.out
    started = machine.run("root", "./dev start postgres")
    assert started.code == 0, started.err
    port = from_outside(machine).socket("tcp://127.0.0.1:15432")
    assert port.is_listening and from_outside(machine).run("docker ps -q --filter ancestor=postgres:18").stdout.strip()
    assert machine.run("root", "./dev clean --force").code == 0


def test_a_user_with_sudo_may_use_the_engine_from_the_next_login_on(new_laptop: NewLaptop) -> None:
    machine = new_laptop("ann")
    fixed = machine.run("ann", "./dev doctor --fix --yes --only docker")
    assert fixed.code == 4 and "sg docker" in fixed.out + fixed.err, fixed.out + fixed.err
    host = from_outside(machine)
    assert "docker" in host.user("ann").groups and "docker" not in host.user("bob").groups
    assert host.file("/home/ann/shop/.dev").user == "ann"
    assert_engine_works(machine, "ann")  # each `docker exec` is a login of its own
    again = machine.run("ann", "./dev doctor --only docker")
    assert again.code == 0, again.out


def test_without_sudo_it_is_said_what_is_needed_before_anything_is_changed(new_laptop: NewLaptop) -> None:
    machine = new_laptop("bob")
    host = from_outside(machine)
    packages = host.run("dpkg -l").stdout
    fixed = machine.run("bob", "./dev doctor --fix --yes --only docker 2>&1")
    assert fixed.code == 4, fixed.out
    assert "sudo apt-get install" in fixed.out and "docker.io" in fixed.out
    assert host.run("dpkg -l").stdout == packages and len(packages) > 1000
    assert not host.exists("dockerd") and not host.file("/var/run/docker.sock").exists
    assert "docker" not in host.user("bob").groups
    first = next(at for at, line in enumerate(fixed.out.splitlines()) if line.startswith(("…", "✓")))
    assert "sudo" in "\n".join(fixed.out.splitlines()[:first]), fixed.out
