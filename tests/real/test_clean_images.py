"""`./dev clean --images` on a real engine: images that ./dev built go, those in use and those of others stay."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import TOOL, Checkout
from tests.real.rig import Rig

STATE = """schema = 1
[project]
name = "imaged"
[docker]
[services.echo]
kind = "command"
port = {}
dev = "exec python3 server.py"
placement = "docker"
"""
IMAGE = """FROM python:3.11-slim-bookworm
COPY server.py /
ENTRYPOINT ["python", "/server.py"]
"""
BOX = """
services:
  echo-box:
    image: ${ECHO_IMAGE:-imaged-echo:local}
    build: { context: .., dockerfile: Dockerfile }
    environment: { HOST: 0.0.0.0, PORT: "${ECHO_PORT:-1}" }
    init: true
"""
PROGRAM = """
import http.server, os
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def built(rig: Rig) -> list[str]:
    rows = rig.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    return [row for row in rows if row.startswith("imaged-echo:")]


def test_images_go_only_when_asked_and_only_unused(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> None:
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    checkout.write("server.py", PROGRAM)
    checkout.write("Dockerfile", IMAGE)
    checkout.write("compose/infra.yaml", "services: {}\nnetworks:\n  default: {}\n")
    checkout.write("compose/services.yaml", BOX)
    checkout.write("desired_state.toml", STATE.format(free_port()))
    ran = checkout.dev("start", timeout=300)
    assert ran.code == 0, ran.err
    (image,) = built(rig)
    ran = checkout.dev("clean", "--force")
    assert ran.code == 0 and image in ran.err and "./dev clean --images removes them" in ran.err, ran.err
    rig.docker("run", "-d", "--name", "of-a-person", "--entrypoint", "sleep", image, "600")
    try:
        ran = checkout.dev("clean", "--images", "--force")
        assert ran.code == 0 and image in built(rig) and "a container uses them" in ran.err, ran.err
    finally:
        rig.docker("rm", "-f", "of-a-person")
    rig.docker("tag", image, "imaged-echo:of-a-person")
    ran = checkout.dev("clean", "--images", "--force")
    assert ran.code == 0 and "with 1 images" in ran.err, ran.err
    assert built(rig) == ["imaged-echo:of-a-person"], "what a person tagged is not of ./dev"
    rig.docker("rmi", "imaged-echo:of-a-person")
    assert "there is nothing to remove" in checkout.dev("clean", "--images", "--force").err
