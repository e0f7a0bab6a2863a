"""Who asks the engine about our containers learns no secret, and each container has its own."""

from __future__ import annotations

import hashlib
import json
import stat
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge.derived import services_password
from tests.conftest import TOOL, Checkout
from tests.real.inspected import as_stranger, told
from tests.real.rig import Rig
from tests.redaction.forms import PEM, SHAPES, Scanner

PROGRAM = """
import hashlib, http.server, json, os
def value(name):
    path = os.environ.get(name + "_FILE")
    return open(path, newline="").read() if path else os.environ.get(name)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = [name for name in json.loads(os.environ["NAMES"]) if value(name) is not None]
        said = {name: hashlib.sha256(value(name).encode()).hexdigest() for name in names}
        body = json.dumps({"digests": said, "variables": sorted(os.environ)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Answer).serve_forever()
"""
BOX = """
  NAME-box:
    image: python:3.11-slim-bookworm
    command: [python, -u, /app/program.py]
    init: true
    user: "10001:10001"
    read_only: true
    cap_drop: [ALL]
    env_file: [{ path: "${DEV_ENV:-./env}/NAME.env", required: false }]
    volumes:
      - "PROGRAM:/app/program.py:ro"
"""
MOUNT = '      - { type: bind, source: "${READER_SECRETS:-./secrets/reader}", target: /run/secrets, read_only: true }\n'
PLANTED = {f"PLANTED_{at:02}": value for at, value in enumerate((*SHAPES, PEM))}


@pytest.fixture
def checkout_in_containers(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> Iterator[Checkout]:
    """Postgres, `reader` whose program reads files, and `older` whose image knows variables only."""
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    program = checkout.write("program.py", PROGRAM)
    program.chmod(0o644)
    rows = [f'{name} = {{ secret = true, only = ["reader"] }}' for name in PLANTED]
    names = json.dumps([*PLANTED, "DATABASE_URL", "MADE", "OLD", "DOOR"])
    services = "".join(
        f'[services.{name}]\nkind = "command"\ndev = "true"\nport = {free_port()}\nneeds = ["postgres"]\n'
        f"ready = {{ http = \"/\" }}\nenv = {{ NAMES = '{names}'{more} }}\n"
        for name, more in (("reader", ', DATABASE_URL = "{postgres.url}/shop"'), ("older", ""))
    )
    checkout.state(
        "[docker]\n[env]\n" + "\n".join(rows) + '\nMADE = { generate = "token", only = ["reader"] }\n'
        'OLD = { generate = "token", only = ["older"] }\nDOOR = { generate = "token", in_containers = false }\n'
        f"[infra.postgres]\nport = {free_port()}\nimage = 'postgres:18'\ndatabases = ['shop']\n{services}"
    )
    own = [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in PLANTED.items()]
    checkout.write("desired_state.local.toml", "[env]\n" + "".join(own), 0o600)
    boxes = [BOX.replace("NAME", name).replace("PROGRAM", str(program)) for name in ("reader", "older")]
    checkout.write("compose/services.yaml", "services:" + boxes[0] + MOUNT + boxes[1])
    started = checkout.dev("start", "--docker", timeout=300)
    assert started.code == 0, started.err
    yield checkout
    checkout.dev("clean", "--force")


def answer(checkout: Checkout, name: str) -> dict[str, object]:
    """What the program in the container got."""
    with urllib.request.urlopen(f"http://{checkout.components()[name]['address']}/", timeout=20) as said:
        found: dict[str, object] = json.load(said)
    return found


def secrets_of(checkout: Checkout) -> dict[str, str]:
    """Every secret that `reader` and Postgres have, and where they come from."""
    lines = (checkout.path / ".dev/values").read_text().splitlines()
    made = dict(line.split("=", 1) for line in lines if line[:1].isalpha())
    word = (checkout.path / ".dev/instances/default/secrets/postgres").read_text()
    own = {"postgres": word, "services": services_password(word), "MADE": made["MADE"], "DOOR": made["DOOR"]}
    return {**PLANTED, **own}


def test_the_engine_tells_no_secret_and_the_program_has_each(checkout_in_containers: Checkout, rig: Rig) -> None:
    checkout = checkout_in_containers
    known = secrets_of(checkout)
    scanner = Scanner(known)
    seen = {what: found for what, text in told(rig, checkout).items() if (found := scanner.found(text))}
    assert seen == {}
    assert scanner.found(as_stranger("ps", "axww", "-o", "args")) == set()
    assert scanner.found(checkout.dev("env", "reader").out) == set()
    got = answer(checkout, "reader")["digests"]
    url = f"postgresql://dev_services:{known['services']}@postgres:{checkout.components()['postgres']['port']}/shop"
    wanted = {**PLANTED, "MADE": known["MADE"], "DATABASE_URL": url}
    assert got == {name: hashlib.sha256(value.encode()).hexdigest() for name, value in wanted.items()}
    older = answer(checkout, "older")
    assert {"OLD", "NAMES"} <= set(older["variables"]) and "DOOR" not in older["variables"]  # type: ignore[call-overload,operator]

    files = checkout.path / ".dev/instances/default/container-secrets"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (files, *files.iterdir())} == {0o700}
    private = [path for path in (checkout.path / ".dev/instances").rglob("*") if path.is_file()]
    assert [path for path in private if path.stat().st_mode & 0o077 and files not in path.parents] == []
    written = [path for path in checkout.path.rglob("compose/*") if path.is_file() and ".dev" in path.parts]
    assert written and not any(scanner.found(path.read_text()) for path in written)

    _a_new_secret_is_another_file_and_makes_one_container_again(checkout, rig)
    assert checkout.dev("stop").code == 0
    assert not list(files.rglob("*/*")), "they go with the containers"


def _a_new_secret_is_another_file_and_makes_one_container_again(checkout: Checkout, rig: Rig) -> None:
    before, ids = answer(checkout, "reader"), containers(rig, checkout)
    values = checkout.path / ".dev/values"
    values.write_text(values.read_text().replace("MADE=", "MADE=x"))
    assert checkout.dev("start", "--docker", timeout=300).code == 0
    after, now = answer(checkout, "reader"), containers(rig, checkout)
    assert before["digests"]["MADE"] != after["digests"]["MADE"]  # type: ignore[index]
    assert {name for name in ids if ids[name] != now[name]} == {"reader-box"}
    places = [path for path in checkout.path.glob(".dev/instances/default/container-secrets/reader/*") if path.is_dir()]
    assert len(places) == 1, "the files of the container before are gone"
    assert "ready already" in checkout.dev("start", "--docker", timeout=300).err


def containers(rig: Rig, checkout: Checkout) -> dict[str, str]:
    """Compose key -> id of each container."""
    form = '{{.Label "com.docker.compose.service"}} {{.ID}}'
    name = f"label=com.docker.compose.project={project(checkout.path)}"
    rows = rig.docker("ps", "-a", "--filter", name, "--format", form).stdout.split("\n")
    return dict(row.split(" ") for row in rows if row)


def project(path: Path) -> str:
    return "story-" + hashlib.sha256(f"{path.resolve()}\0".encode()).hexdigest()[:10]
