"""What a container command meets when the container or the record of the engine goes away in the middle of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from converge.desired import Infra
from converge.errors import DevError
from converge.instance import Instance
from facts.engine import Engine
from runtime.component import InfraComponent
from runtime.placements import docker
from runtime.provision import postgres
from tests.runtime.fake_engine import Answer, Server

ANSWERS: Mapping[str, tuple[int, object]] = {
    "/containers/json": (200, [{"Id": "c1"}]), "/containers/c1/json": (200, {"Id": "c1"}),
    "/containers/c1/exec": (201, {"Id": "e1"}), "/exec/e1/start": (200, ""), "/exec/e1/json": (200, {"ExitCode": 0}),
}  # fmt: skip
GONE: dict[str, tuple[str, tuple[int, object], str]] = {
    "before it is listed": ("/containers/json", (200, []), "it was removed"),
    "after it was listed": ("/containers/c1/json", (404, {"message": "no such container"}), "it was removed"),
    "before the command is made": ("/containers/c1/exec", (404, {"message": "no such container"}), "no such container"),
    "stopped before the command": ("/containers/c1/exec", (409, {"message": "is not running"}), "is not running"),
    "before the command begins": ("/exec/e1/start", (404, {"message": "no such exec"}), "no such exec"),
    "while the command runs": ("/exec/e1/json", (200, {"ExitCode": None}), "before the command had ended"),
}


@pytest.fixture
def answering(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Callable[..., InfraComponent]]:
    """A component whose engine gives the usual answers, except those that are named."""
    place = tmp_path_factory.mktemp("e")
    server = Server(str(place / "s"), Answer)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def make(changed: Mapping[str, tuple[int, object]] = {}) -> InfraComponent:
        server.answers = {**ANSWERS, **changed}
        instance = Instance(place, "x")
        docker.remember(instance, Engine(f"unix://{place / 's'}"))
        return InfraComponent("db", Infra(port=free_port()), instance)

    yield make
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("when", GONE)
def test_a_container_that_goes_away_during_a_command_is_named(
    answering: Callable[..., InfraComponent], when: str
) -> None:
    path, answer, words = GONE[when]
    assert docker.execute(answering(), ["true"]) == (0, "")
    with pytest.raises(DevError) as caught:
        docker.execute(answering({path: answer}), ["true"])
    assert caught.value.code == "not-ready" and words in caught.value.because and "./dev start db" in caught.value.hint


@pytest.mark.parametrize(
    ("state", "why", "words"),
    [
        ({"Status": "paused", "Running": True, "Paused": True}, "starting", "its container is paused"),
        ({"Status": "exited", "ExitCode": 137}, "stopped", ""),
        ({"Status": "created"}, "stopped", ""),
        ({"Status": "running", "Running": True}, "starting", "refused"),
    ],
)
def test_a_database_that_cannot_answer_is_not_waited_for(
    answering: Callable[..., InfraComponent], state: dict[str, object], why: str, words: str
) -> None:
    component = answering({"/containers/c1/json": (200, {"Id": "c1", "State": state})})
    began = time.monotonic()
    found = postgres.look(component, 60)
    assert isinstance(found, postgres.Closed) and found.why == why and words in found.because
    assert time.monotonic() - began < 30


def test_a_record_of_the_engine_that_was_deleted_is_no_bug(answering: Callable[..., InfraComponent]) -> None:
    component = answering()
    component.instance.engine_record.unlink()
    assert not [*docker.holding(component, ["/x"])] and docker.inspect(component) == {}
    for act in (lambda: docker.execute(component, ["true"]), lambda: docker.spawn(component, "c1")):
        with pytest.raises(DevError):
            act()
