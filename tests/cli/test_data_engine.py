"""An engine that has data and cannot be used has one diagnosis: doctor, start and compose say the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import NO_ENGINE, Checkout

GONE = "unix:///gone/docker.sock"
CASES = {
    "the one with the data": ({"DOCKER_HOST": NO_ENGINE}, NO_ENGINE, "start this engine"),
    "another one": ({"DOCKER_HOST": NO_ENGINE}, GONE, f"export DOCKER_HOST={GONE}"),
    "a context that is gone": ({"DOCKER_HOST": "", "DOCKER_CONTEXT": "gone"}, GONE, f"export DOCKER_HOST={GONE}"),
}


@pytest.mark.parametrize("case", CASES)
def test_no_hint_leads_to_the_next_error(checkout: Checkout, free_port: Callable[[], int], case: str) -> None:
    env, host, hint = CASES[case]
    checkout.state(f"[docker]\n[infra.postgres]\nport = {free_port()}\nimage = 'postgres:18'\n")
    state = checkout.path / ".dev/instances/default"
    for name, text in (("compose/engine", host), ("placed/postgres", "docker")):
        (state / name).parent.mkdir(parents=True)
        (state / name).write_text(text + "\n")
    doctor = checkout.dev("doctor", "--only", "docker", "--json", env=env)
    (item,) = [item for item in doctor.json["items"] if item["id"] == "docker.engine"]
    assert item["status"] == "manual" and item["hint"].startswith(hint), item
    for argv in (["start"], ["compose", "ps"]):
        ran = checkout.dev(*argv, env=env)
        assert ran.code == 3 and "error[docker-unavailable]" in ran.err, ran.err
        assert f"because {item['because']}" in ran.err and f"hint: {item['hint']}" in ran.err, ran.err
    (state / "compose/engine").unlink()
