"""`./dev compose` is Compose on the containers of the checkout: its words, its terminal, its signals, its exit code."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge.instance import Instance
from converge.lock import hold
from runtime.docker.compose import OURS, SECRETS
from tests.conftest import NO_ENGINE, TOOL, Checkout
from tests.runtime import fake_engine

CALLED = 'for word in "$@"; do printf "%s\\n" "$word"; done; env >"$HOME/env"'
DATABASE = "[docker]\n[infra.postgres]\nport = {}\nimage = 'postgres:18'\n"
MODEL = {"postgres": {"image": "postgres:18"}, "redis": {"image": "redis:8", "profiles": ["redis"]}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout, with an engine that has no containers."""
    place = tmp_path_factory.mktemp("zwölf Monde")
    for name in ("checkout", "home"):
        (place / name).mkdir()
    with fake_engine.engine({**fake_engine.VERSION, "/containers/json": (200, [])}) as engine:
        env = {"DOCKER_HOST": engine.host, "DOCKER_CONFIG": str(place / "home/docker")}
        yield Checkout(place / "checkout", place / "home", env)


@pytest.fixture
def boxed(shared: Checkout, free_port: Callable[[], int]) -> Checkout:
    """The checkout with a database and no other file, and a Compose that prints its words."""
    shutil.rmtree(shared.path / "compose", ignore_errors=True)
    shared.state(DATABASE.format(free_port()))
    behaves(shared, CALLED)
    return shared


def behaves(checkout: Checkout, script: str) -> None:
    fake_engine.compose(checkout.home / "docker", script, MODEL)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["ps", "-a", "--format", "json"], ["ps", "-a", "--format", "json"]),
        (["up", "--help", "-vv"], ["up", "--help", "-vv"]),
        (["--profile", "redis", "up", "-d"], ["--profile", "redis", "up", "-d"]),
        (["exec", "postgres", "--", "ls", "-l", "--", "x y"], ["exec", "postgres", "--", "ls", "-l", "--", "x y"]),
        (["--", "--ansi", "never", "ps"], ["--ansi", "never", "ps"]),
        (["run", "-v", "--json", "", "ä b"], ["run", "-v", "--json", "", "ä b"]),
    ],
    ids=lambda argv: "_".join(argv).replace(" ", ".") or "empty",
)
def test_every_word_reaches_compose_as_it_is(boxed: Checkout, argv: list[str], words: list[str]) -> None:
    ran = boxed.dev("compose", *argv)
    lines = ran.out.splitlines()
    assert ran.code == 0 and lines[-len(words) :] == words, ran.err
    before = lines[: -len(words)]
    assert before[0] == "-p" and before[1].startswith("story-")
    assert [word for word in before if word.endswith(".yaml")] == [str(TOOL / "compose/infra.yaml")]


def test_it_gets_the_instance_and_nothing_that_selects_another(boxed: Checkout) -> None:
    chosen = {"COMPOSE_FILE": "/x.yaml", "COMPOSE_PROJECT_NAME": "x", "COMPOSE_ENV_FILES": "/x", "DOCKER_CONTEXT": "x"}
    ran = boxed.dev("compose", "ps", env={**chosen, "POSTGRES_IMAGE": "evil", "TERM": "xterm", "COMPOSE_ANSI": "never"})
    assert ran.code == 0, ran.err
    env = dict(line.partition("=")[::2] for line in (boxed.home / "env").read_text().splitlines())
    assert not chosen.keys() & env.keys()
    assert env["POSTGRES_IMAGE"] == "postgres:18" and env["POSTGRES_PORT"] == str(
        boxed.components()["postgres"]["port"]
    )
    assert (env["DOCKER_HOST"], env["TERM"], env["COMPOSE_ANSI"]) == (boxed.env["DOCKER_HOST"], "xterm", "never")
    assert env["COMPOSE_PROFILES"] == "", "an undeclared component is in a profile"


def test_infrastructure_gets_its_password_as_a_file_and_a_look_writes_none(boxed: Checkout) -> None:
    """As after `./dev stop`: no start has written the files."""
    volume = {"source": f"{OURS}/postgres", "target": SECRETS}
    boxed.write("compose/infra.yaml", "services: {} # another model\n")
    fake_engine.compose(boxed.home / "docker", CALLED, {"postgres": {"volumes": [volume]}})
    place = Instance(boxed.path, "story").container_secrets / "postgres"
    with hold(boxed.path / ".dev/lock"):
        assert boxed.dev("compose", "ps").code == 0 and not place.exists(), "a look waits for nobody"
        running = boxed.popen("compose", "up", "-d", "postgres")
        assert running.stderr and "waiting for" in running.stderr.readline()
        assert not place.exists()
    running.communicate(timeout=60)
    env = dict(line.partition("=")[::2] for line in (boxed.home / "env").read_text().splitlines())
    assert running.returncode == 0 and Path(env["POSTGRES_SECRETS"]).parent == place
    assert env["POSTGRES_PASSWORD"] == "" and env["POSTGRES_PASSWORD_FILE"] == f"{SECRETS}/POSTGRES_PASSWORD"
    assert (Path(env["POSTGRES_SECRETS"]) / "POSTGRES_PASSWORD").read_text()


@pytest.mark.parametrize(
    ("infra", "team", "left_out"),
    [
        ("postgres", False, ["pubsub"]), ("redis", False, ["postgres", "pubsub"]), ("postgres", True, None),
        ("postgres pubsub", False, None),
    ],
)  # fmt: skip
def test_up_without_names_is_what_is_declared(
    boxed: Checkout, free_port: Callable[[], int], infra: str, team: bool, left_out: list[str] | None
) -> None:
    """A team's own file is its own choice; what is in a profile of its own needs no other one."""
    boxed.state("[docker]\n" + "".join(f"[infra.{name}]\nport = {free_port()}\n" for name in infra.split()))
    if team:
        boxed.write("compose/infra.yaml", "services: {} # a team's\n")
    shutil.rmtree(boxed.path / ".dev/cache", ignore_errors=True)  # what an earlier model said
    fake_engine.compose(boxed.home / "docker", CALLED, {**MODEL, "pubsub": {"image": "p"}, "adminer": {"image": "a"}})
    ran = boxed.dev("compose", "up")
    shutil.rmtree(boxed.path / ".dev/cache")
    found = [word for word in ran.out.splitlines() if word.endswith("/undeclared.json")]
    assert ran.code == 0 and len(found) == (left_out is not None), ran.err
    for file in found:
        said = json.loads(Path(file).read_text())["services"]
        assert said == {name: {"profiles": ["not-declared"]} for name in left_out or ()}


@pytest.mark.parametrize("code", [1, 125, 255])
def test_its_exit_code_is_the_commands(boxed: Checkout, code: int) -> None:
    behaves(boxed, f"echo said; echo told >&2; exit {code}")
    ran = boxed.dev("compose", "up")
    assert (ran.code, ran.out, ran.err) == (code, "said\n", "told\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_it(boxed: Checkout, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    behaves(boxed, f"trap 'echo got {name}; exit 9' {name}; echo up; while :; do sleep 0.05; done")
    running = boxed.popen("compose", "up")
    try:
        assert running.stdout and running.stdout.readline() == "up\n"
        running.send_signal(number)
        assert running.wait(60) == 9 and running.stdout.read() == f"got {name}\n"
    finally:
        running.kill()
        running.wait()


def test_it_has_standard_input_and_the_terminal(boxed: Checkout) -> None:
    argv = [str(TOOL / "dev"), "-C", str(boxed.path), "compose", "exec", "postgres", "cat"]
    behaves(boxed, "cat")
    piped = subprocess.run(argv, env=boxed.environment(), input=b"\x00\xffraw", capture_output=True, timeout=60)
    assert piped.stdout == b"\x00\xffraw"
    behaves(boxed, "test -t 0 && test -t 1 && echo terminal")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(argv, env=boxed.environment(), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    assert process.wait(60) == 0 and b"terminal" in os.read(ours, 4096)
    os.close(ours)


MISSING: dict[str, tuple[dict[str, str], str, str]] = {
    "no engine": ({"DOCKER_HOST": NO_ENGINE}, DATABASE, "does not exist"),
    "an engine elsewhere": ({"DOCKER_HOST": "tcp://192.0.2.1:2375"}, DATABASE, "a local platform needs a local engine"),
    "a context that is gone": ({"DOCKER_HOST": "", "DOCKER_CONTEXT": "gone"}, DATABASE, "no Docker context 'gone'"),
    "switched off": ({}, "[docker]\nengine = 'off'\n#{}", "switched off (desired_state.toml:"),
    "an old Compose": ({}, "[docker]\ncompose = '>=99'\n#{}", "no Compose v2"),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing_is_said(boxed: Checkout, free_port: Callable[[], int], case: str) -> None:
    env, state, words = MISSING[case]
    boxed.state(state.format(free_port()))
    ran = boxed.dev("compose", "ps", "-vv", env=env)  # a word for Compose
    assert ran.code == 3 and ran.out == "" and "Traceback" not in ran.err, ran
    assert "error[docker-unavailable]: Compose cannot be run" in ran.err and words in ran.err, ran.err
    assert "hint: " in ran.err


def test_without_words_it_explains_itself_and_help_is_ours(boxed: Checkout) -> None:
    nothing, ours = boxed.dev("compose"), boxed.dev("compose", "--help")
    assert nothing.code == 64 and "./dev compose ps" in nothing.err
    assert ours.code == 0 and "./dev compose exec" in ours.out


def test_team_files_are_resolved_from_their_own_directory(boxed: Checkout) -> None:
    """Also without `compose/infra.yaml`, whose place the file of the tool takes."""
    boxed.write("compose/services.yaml", "services: {}\n")
    lines = boxed.dev("compose", "ps").out.splitlines()
    assert lines[lines.index("--project-directory") + 1] == str(boxed.path / "compose")
    assert "DEV_PUBSUB_CONTEXT=" in (boxed.home / "env").read_text()
    boxed.write("compose/infra.yaml", "services: {}\n")
    assert boxed.dev("compose", "ps").code == 0
    assert "DEV_PUBSUB_CONTEXT=" not in (boxed.home / "env").read_text()
