"""An engine that is too old, too slow, or whose disk is full: a clear error or a fallback that is said, and no hang."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from facts import docker
from runtime.placements.seen import full
from tests.conftest import Checkout
from tests.runtime import fake_engine

DATABASE = "[docker]\n[infra.postgres]\nport = {}\nimage = 'postgres:18'\n"
MODEL = {"postgres": {"image": "postgres:18"}}
ANSWERS: fake_engine.Answers = {
    **fake_engine.VERSION,
    "/containers/json": (200, []), "/networks": (200, []), "/volumes": (200, {"Volumes": []}),
    "/system/df": (200, {"Volumes": []}), "/images/postgres:18/json": (200, {"Id": "sha256:1"}),
}  # fmt: skip


@pytest.fixture
def boxed(checkout: Checkout, free_port: Callable[[], int]) -> Checkout:
    checkout.state(DATABASE.format(free_port()))
    checkout.env |= {"DOCKER_CONFIG": str(checkout.home / "docker")}
    return checkout


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: open /var/lib/docker/x: no space left on device",
        "mkdir /var/lib/docker/overlay2/x: disk quota exceeded",
    ],
)
def test_a_full_disk_of_the_engine_is_an_error_of_its_own(boxed: Checkout, said: str) -> None:
    fake_engine.compose(boxed.home / "docker", f"echo 'Volume x Creating' >&2; echo '{said}' >&2; exit 1", MODEL)
    with fake_engine.engine(ANSWERS) as engine:
        ran = boxed.dev("start", "--infra", "docker", env={"DOCKER_HOST": engine.host})
    assert ran.code == 3 and "error[engine-full]" in ran.err and said in ran.err, ran.err
    assert "Creating" not in ran.err.partition("error[")[2] and "docker system df" in ran.err


def test_other_words_of_the_engine_are_no_full_disk() -> None:
    assert full("x", "no such device / no space in this name") is None


@pytest.mark.parametrize(("api", "works"), [("1.40", False), ("1.100", True)])
def test_an_engine_with_an_old_api_is_named(boxed: Checkout, api: str, works: bool) -> None:
    fake_engine.compose(boxed.home / "docker", "echo reached >&2; exit 1", MODEL)
    answers = {**ANSWERS, "/version": (200, {"Version": "1.2.3", "ApiVersion": api})}
    with fake_engine.engine(answers) as engine:
        ran = boxed.dev("start", "--infra", "docker", env={"DOCKER_HOST": engine.host})
    assert ran.code == 3 and ("reached" in ran.err) is works, ran.err
    assert ("error[docker-unavailable]" in ran.err and f"its API is {api}" in ran.err) is not works, ran.err


@pytest.fixture
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Something that accepts and never says a word."""
    place = tmp_path_factory.mktemp("s") / "s"
    listener, held = socket.socket(socket.AF_UNIX), []
    listener.bind(str(place))
    listener.listen(20)

    def accept() -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield f"unix://{place}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for each in held:
        each.close()


def test_a_silent_engine_costs_its_time_once(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "TIMEOUT", 1.5)
    monkeypatch.setattr(docker, "AGAIN", 0.1)
    here, took = docker.Here(env={"DOCKER_HOST": silent}), []
    for _ in range(4):
        began = time.monotonic()
        found = docker.look(here)
        took.append(time.monotonic() - began)
        assert found.state == "wrong-host" and "does not answer in time" in found.because, found
    assert took[0] >= 1.4 and min(took[1:]) < 1.2
