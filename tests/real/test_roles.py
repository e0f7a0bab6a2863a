"""Postgres in a container: its role for services has no power there, and no list of processes shows a password."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from converge.derived import SERVICES, services_password
from runtime.infra import wire
from tests.conftest import TOOL, Checkout
from tests.provision.test_roles import ATTACKS, watching
from tests.real.rig import Rig


@pytest.fixture
def database(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> Iterator[Checkout]:
    """Postgres in a container with the database `shop`."""
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    checkout.state(f"[docker]\n[infra.postgres]\nport = {free_port()}\nimage = 'postgres:18'\ndatabases = ['shop']\n")
    yield checkout
    checkout.dev("clean", "--force")


def password(checkout: Checkout) -> str:
    return (checkout.path / ".dev/instances/default/secrets/postgres").read_text()


@contextmanager
def connection(checkout: Checkout, user: str, word: str, database: str = "shop") -> Iterator[wire.Connection]:
    """As any program of this machine connects to the published port."""
    port = int(checkout.components()["postgres"]["port"])
    with wire.Connection(port, word, database, user, timeout=30, path="public") as made:
        yield made


def test_attacks_of_a_service_and_of_a_reader_of_processes_find_nothing(database: Checkout, rig: Rig) -> None:
    secret = database.path / ".dev/instances/default/secrets/postgres"
    secret.parent.mkdir(mode=0o700, parents=True)
    secret.write_text("Zq7x-the-first-password")  # another user can only watch for what is known beforehand
    words = [
        word for each in ("Zq7x-the-first-password", "Zq7x-the-other-one") for word in (each, services_password(each))
    ]
    with watching(*words, "PASSWORD") as seen:
        assert database.dev("start", timeout=200).code == 0
        assert database.dev("data", "snapshot", "before", timeout=100).code == 0
        assert database.dev("data", "restore", "before", timeout=100).code == 0
        secret.write_text("Zq7x-the-other-one")  # as after `git clean -fdx`: set inside of the container
        assert database.dev("start", timeout=200).code == 0
    assert [line for line in seen if line.startswith("SEEN")] == []
    assert int(seen[-1].split()[1]) > 100

    word = services_password(password(database))
    for name, attack in ATTACKS.items():
        with connection(database, SERVICES, word) as service, pytest.raises(wire.Refused) as refused:
            service.query(attack)
        assert refused.value.code == "42501", name
    for user, wrong in (("postgres", word), ("postgres", "postgres"), ("postgres", ""), (SERVICES, password(database))):
        with pytest.raises((wire.Refused, OSError)), connection(database, user, wrong):
            pass
    with connection(database, SERVICES, word) as service:
        service.query("CREATE SCHEMA s; CREATE TABLE s.t (x int); DROP SCHEMA s CASCADE")

    events = rig.docker("events", "--since", "30m", "--until", "0s", "--format", "{{json .}}").stdout
    assert "exec_create" in events and not any(each in events for each in words)
    about = json.loads(rig.docker("inspect", container(database, rig)).stdout)[0]
    assert not any(each in json.dumps(about) for each in words)


def container(checkout: Checkout, rig: Rig) -> str:
    return rig.docker("ps", "-q", "--filter", f"label=dev.checkout={checkout.path}").stdout.strip()
