"""One platform for the tests of this directory: a real Postgres, a real emulator, and services that only sleep."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from converge import cycle, schema
from converge.instance import Instance, store
from converge.steps import Item
from runtime.component import InfraComponent
from runtime.infra import postgres, wire
from runtime.platform import Platform
from runtime.provision import NOUNS
from runtime.status import Status, look
from tests.conftest import TOOL, Checkout, Ran, neighbours, ports

SLEEPER = "[services.{name}]\nkind = 'command'\ndev = 'exec sleep 1000'\nneeds = ['postgres']\nstop_grace = 1.0\n"


@dataclass
class Running:
    """A checkout whose infrastructure runs; each test declares inside it what it wants."""

    checkout: Checkout
    port: int

    def declare(self, databases: str = "", topics: str = "", more: str = "") -> None:
        self.checkout.state(
            f"[infra.postgres]\nport = {self.port}\n{databases}\n"
            f"[infra.pubsub]\nport = {self.port + 1}\n{topics}\n{more}"
        )

    @property
    def now(self) -> Platform:
        """As it is declared now."""
        loaded = schema.parse((self.checkout.path / "desired_state.toml").read_bytes())
        return Platform(loaded, Instance(self.checkout.path.resolve(), "story"))

    @property
    def postgres(self) -> InfraComponent:
        return self.now.infra["postgres"]

    @property
    def pubsub(self) -> InfraComponent:
        return self.now.infra["pubsub"]

    def sql(self, statement: str, database: str = "postgres") -> list[wire.Row]:
        password = postgres.known_password(self.postgres)
        with wire.Connection(self.port, password, database, timeout=60, path="public") as connection:
            return connection.query(statement)

    def start(self) -> Ran:
        """Without the repair of tools and ports, which is not what these tests are about."""
        return self.checkout.dev("start", "--no-fix")

    def items(self, *nouns: str) -> dict[str, Item]:
        return {item.id: item for item in cycle.doctor(self.now.loaded, self.now.instance, nouns, NOUNS).items}

    def state(self, name: str) -> Status:
        return look(self.now, self.now.component(name), timeout=30)

    def pids(self) -> dict[str, int | None]:
        return {name: self.state(name).pid for name in self.now.components}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Its infrastructure runs. What a test leaves in the desired state is replaced by the next one."""
    base = tmp_path_factory.mktemp("inside")
    made = Running(Checkout(base / "checkout", base / "home"), neighbours(ports(15000, 18000), 2))
    for directory in (made.checkout.path, made.checkout.home):
        directory.mkdir()
    made.checkout.env["DEV_STORE"] = str(store())
    shutil.copy(TOOL / "desired_state.lock", made.checkout.path)
    made.declare()
    try:
        started = made.checkout.dev("start", timeout=300)
        assert started.code == 0, started.err
        yield made
    finally:
        made.checkout.dev("clean", "--force")
    assert made.checkout.processes() == []
