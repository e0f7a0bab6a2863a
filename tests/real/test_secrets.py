"""A shared secret is rotated in containers, on a real engine: the same walk, and no call refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import TOOL, Checkout, wait_until
from tests.real.rig import Rig
from tests.stories.test_secrets import ENV, load, values

PROGRAM = Path(__file__).parent.parent / "runtime" / "callers.py"
SERVICE = """
[services.NAME]
kind = "command"
dev = "true"
port = PORT
ready = { http = "/readyz" }
env = { PEER_URL = "{OTHER.url}", BIND = "0.0.0.0" }
uses = ["OTHER"]
"""
BOX = """
  NAME-box:
    image: python:3.11-slim-bookworm
    command: [python, -u, /app/callers.py]
    init: true
    env_file: [{ path: "${DEV_ENV:-./env}/NAME.env", required: false }]
    volumes: ["PROGRAM:/app/callers.py:ro"]
"""


@pytest.fixture
def pair(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> Iterator[tuple[Checkout, dict[str, int]]]:
    """Services `one` and `two` in containers."""
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    ports = {"one": free_port(), "two": free_port()}
    rows = [
        SERVICE.replace("NAME", name).replace("OTHER", other).replace("PORT", str(ports[name]))
        for name, other in (("one", "two"), ("two", "one"))
    ]
    checkout.state("[docker]\n" + ENV + "".join(rows))
    boxes = [
        BOX.replace("${NAME_PORT}", str(port)).replace("NAME", name).replace("PROGRAM", str(PROGRAM))
        for name, port in ports.items()
    ]
    checkout.write("compose/services.yaml", "services:" + "".join(boxes))
    started = checkout.dev("start", "--docker", timeout=300)
    assert started.code == 0, started.err
    yield checkout, ports


def test_no_call_is_refused_while_containers_learn_a_new_secret(pair: tuple[Checkout, dict[str, int]]) -> None:
    checkout, ports = pair
    before = values(checkout)["CALL_TOKEN"]
    with load(ports) as seen:
        wait_until(lambda: seen[200] > 20)
        rotated = checkout.dev("secrets", "rotate", "CALL_TOKEN", "--json", timeout=200)
    assert rotated.code == 0, rotated.err
    assert set(seen) == {200} and seen[200] > 50, seen
    assert rotated.json["restarted"] == ["one", "two"] * 3
    assert values(checkout)["CALL_TOKEN"] != before and "CALL_TOKEN_PREVIOUS" not in values(checkout)
    assert {row["placement"] for row in checkout.components().values()} == {"docker"}
    with load(ports) as after:
        wait_until(lambda: after[200] > 20)
    assert set(after) == {200}
