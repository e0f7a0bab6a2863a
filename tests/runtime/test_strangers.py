"""On a machine with other users: who takes one of our addresses is sent nothing and is not believed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import schema
from converge.desired import Infra, Service
from converge.instance import Instance
from facts import peers, processes, users
from runtime import status
from runtime.component import LOOPBACK_FOR, InfraComponent, Launch, ServiceComponent
from runtime.handoff import record
from runtime.health import answers
from runtime.health.answers import Deadline
from runtime.infra import grpc, postgres, redis, wire
from runtime.placements import native
from runtime.platform import Platform
from runtime.secrets import issuer
from tests import stranger
from tests.conftest import TOOL, wait_until

HOST = "127.0.0.1"
READ = "\naccepted, _ = listener.accept(); accepted.settimeout(5); print(len(accepted.recv(999)), flush=True)\n"
LOADED = schema.load(TOOL)
ONE = stranger.LISTEN.partition("for word")[0] + READ
"""Another user's program that listens, and says how many bytes the first caller sent."""


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with other users."""
    monkeypatch.setenv(users.SETTING, "yes")


def infra(base: Path, kind: str, port: int) -> InfraComponent:
    return InfraComponent(kind, Infra(port=port, image="x"), Instance(base, "story"))


def service(base: Path, port: int) -> ServiceComponent:
    return ServiceComponent("api", Service(kind="command", port=port), Instance(base, "story"))


def _issuer(base: Path, port: int) -> str:
    with pytest.raises(peers.Stranger) as caught:
        issuer.exchange(service(base, port), "/token", {}, {"X-Issuer-Secret": "secret"})
    return str(caught.value)


def _password(base: Path, port: int) -> str:
    component = infra(base, "postgres", port)
    postgres.password(component)
    with pytest.raises(peers.Stranger) as caught:
        wire.Connection(port, postgres.known_password(component), verify=component.verify)
    return str(caught.value)


def _topics(base: Path, port: int) -> str:
    with pytest.raises(peers.Stranger) as caught:
        grpc.call(port, "/google.pubsub.v1.Publisher/Publish", b"", verify=infra(base, "pubsub", port).verify)
    return str(caught.value)


ASKERS: dict[str, Callable[[Path, int], str]] = {
    "the issuer's secret": _issuer,
    "the password of Postgres": _password,
    "a greeting of Postgres": lambda base, port: postgres.why_not(infra(base, "postgres", port), 2),
    "the topics of Pub/Sub": _topics,
    "PING of Redis": lambda base, port: redis.why_not(infra(base, "redis", port), 2),
    "readiness by HTTP": lambda base, port: answers.http(
        HOST, port, "/", Deadline.after(2), service(base, port).verify
    ),
    "readiness by the port": lambda base, port: answers.tcp(
        HOST, port, Deadline.after(2), 0.2, service(base, port).verify
    ),
}
"""What of us connects to a component, and what it says when another user's process has its port."""


@stranger.needs_root
@pytest.mark.parametrize("asker", ASKERS)
def test_a_process_of_another_user_is_sent_nothing(tmp_path: Path, asker: str) -> None:
    program = stranger.Program(ONE, HOST, 0)
    try:
        assert f"user {stranger.UID} answers" in ASKERS[asker](tmp_path, int(program.hear()))
        assert program.hear() == "0", "bytes reached it"
    finally:
        program.end()


@stranger.needs_root
@pytest.mark.parametrize("host", [LOOPBACK_FOR["ide"], HOST])
def test_status_names_the_user_on_the_address_of_an_ide(
    tmp_path: Path, host: str, free_port: Callable[[], int]
) -> None:
    component = service(tmp_path, free_port())
    record.write(component.instance, record.Record("api", "IDE_WAIT", "native", 1.0, host=host))
    component.instance.routes.mkdir(parents=True)
    component.instance.owner_map.write_text(f"api ide@{host}\n")
    with stranger.listening(host, component.port or 0) as (other, _):
        found = status.look(Platform(LOADED, component.instance), component)
        assert found.state == "waiting" and found.pid is None
        assert f"user {stranger.UID} listens on {host}:{component.port}" in found.reason
        other.say("leave")
        with socket.create_server((host, component.port or 0)):
            found = status.look(Platform(LOADED, component.instance), component)
        assert found.state == "ready" and "your process has it" in found.reason


@stranger.needs_root
@pytest.mark.parametrize("state", ["ready", "at a breakpoint"])
def test_status_names_who_has_the_port_of_a_debugger(tmp_path: Path, free_port: Callable[[], int], state: str) -> None:
    """An IDE that attached would tell a stranger the source code, and do what he asks of it."""
    debug, port = free_port(), None if state == "ready" else free_port()
    wants = Service(kind="command", port=port, debug="x", debug_port=debug, ready_after=0)
    component = ServiceComponent("api", wants, Instance(tmp_path, "story"))
    native.spawn(component, Launch(("sleep", "1000"), tmp_path, debug=debug), "")
    try:
        with stranger.listening(HOST, debug):
            found = status.look(Platform(LOADED, component.instance), component)
            assert f"listens on {debug}" in found.reason and "under its debugger, but" in found.reason, found
            assert f"on {HOST}:{debug}" not in found.reason
        found = status.look(Platform(LOADED, component.instance), component)
        assert f"under its debugger on {HOST}:{debug}" in found.reason
    finally:
        native.stop(component)


@stranger.needs_root
@pytest.mark.parametrize("kind", ["service", "infrastructure"])
def test_a_stranger_with_a_copied_mark_is_neither_ready_nor_told_a_secret(
    tmp_path: Path, kind: str, free_port: Callable[[], int]
) -> None:
    """Its process carries our run id and answers on the port, while our own process runs and does not listen."""
    port = free_port()
    component = service(tmp_path, port) if kind == "service" else infra(tmp_path, "postgres", port)
    native.spawn(component, Launch(("sleep", "1000"), tmp_path), "")
    try:
        run_id = native.state_record(component)["run_id"]
        with stranger.listening(HOST, port, env={processes.MARK: run_id}) as (other, _):
            wait_until(lambda: processes.mark(other.process.pid) == run_id)
            found = status.look(Platform(LOADED, component.instance), component)
            assert found.state == "starting" and f"pid {other.process.pid}" in found.reason
            with pytest.raises(peers.Stranger):
                issuer.exchange(component, "/token", {}, {"X-Issuer-Secret": "secret"})
            assert other.say("accept") == "accept" and other.say("hear") == "0"
    finally:
        native.stop(component)
