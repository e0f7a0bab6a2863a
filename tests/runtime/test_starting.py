"""What a start does about the rest when a part of it cannot be started: it says so at once, and goes on."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import cycle, part
from converge.desired import Loaded
from converge.instance import Instance
from converge.schema import load
from tests.conftest import Checkout
from tests.runtime.test_components import PROGRAMS, service

LOCKS = {"python": "requirements.lock", "node": "package-lock.json", "go": "go.mod"}
"""Kind -> a file of its that makes its installation fail at once, without a network."""


@pytest.fixture(autouse=True)
def programs(checkout: Checkout) -> None:
    shutil.copy(PROGRAMS, checkout.path)


def broken(checkout: Checkout, kind: str, name: str = "broken") -> str:
    """The entry of a service whose dependencies cannot be installed."""
    for file in {LOCKS[kind], "go.sum" if kind == "go" else LOCKS[kind]}:
        checkout.write(f"{name}/{file}", "!! nothing that can be read\n")
    more = "app = 'x:y'" if kind == "python" else ""
    return f"[services.{name}]\nkind = '{kind}'\npath = '{name}'\n{more}\n"


def test_all_bad_ports_are_named_before_anything_is_prepared(checkout: Checkout, free_port: Callable[[], int]) -> None:
    one, two, free = free_port(), free_port(), free_port()
    checkout.state(
        "[env]\nKEY = { generate = 'token' }\n" + service("a", "serve", one) + service("b", "serve", two)
        + service("c", "serve", free) + service("d", "worker", more="needs = ['a']")
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", one)), socket.create_server(("127.0.0.1", two)):
        ran = checkout.dev("start")
    assert ran.code == 3
    at = [ran.err.index(text) for text in (f"port {one} of a is taken", f"port {two} of b is taken", "generate KEY")]
    assert at == sorted(at) and ran.err.count("is taken") == 2, ran.err
    states = {name: entry["state"] for name, entry in checkout.components().items()}
    assert states == {"a": "stopped", "b": "stopped", "c": "ready", "d": "stopped"}
    assert checkout.dev("start").code == 0


def test_nothing_is_prepared_if_nothing_can_be_started(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state("[env]\nKEY = { generate = 'token' }\n" + service("a", "serve", port))
    with socket.create_server(("127.0.0.1", port)):
        ran = checkout.dev("start")
    assert ran.code == 3 and "is taken" in ran.err and "generate KEY" not in ran.err
    assert not (checkout.path / ".dev/values").exists()


@pytest.mark.parametrize("kind", LOCKS)
def test_a_failed_installation_holds_back_only_what_needs_it(
    checkout: Checkout, free_port: Callable[[], int], kind: str
) -> None:
    checkout.state(
        broken(checkout, kind)
        + service("good", "serve", free_port())
        + service("waits", "worker", more="needs = ['broken']")
    )
    alone = checkout.dev("start", "good")
    assert alone.code == 0 and "broken" not in alone.err, alone.err
    ran = checkout.dev("start")
    assert ran.code == 3 and "the dependencies of broken could not be installed" in ran.err, ran.err
    assert "not started: broken is not ready" in ran.err and "ready already" in ran.err
    states = {name: entry["state"] for name, entry in checkout.components().items()}
    assert states == {"broken": "stopped", "good": "ready", "waits": "stopped"}


def test_a_failure_is_told_while_others_still_start(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.state(
        service("bad", "crash", free_port(), "retries = 0")
        + service("slow", "worker", more="migrate = 'until test -e go; do sleep 0.05; done'")
    )
    process = checkout.popen("start")
    assert process.stderr
    line = ""
    while "failed" not in line:
        line = process.stderr.readline()
        assert line, "it ended without a word"
    assert line.startswith("bad") and "ended with 3" in line
    checkout.write("go", "")
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert checkout.components()["slow"]["state"] == "ready"


WHOLE = """
[tools]
go = "1.27.3"
air = "1.0.0"
node = "24.1.0"
uv = "0.9.0"
python = "3.13"
terraform = "1.0"
[env]
ALL = {}
THEIRS = { only = ["web"] }
MADE = { only = ["web"], generate = "token" }
[infra.postgres]
port = 15432
[infra.pubsub]
port = 18085
[infra.cache]
port = 16379
run = "cache"
[services.orders]
kind = "go"
port = 18082
needs = ["pubsub"]
[services.catalog]
kind = "python"
app = "x:y"
port = 18083
[services.web]
kind = "next"
port = 18084
[services.seed]
kind = "python"
app = "x:y"
migrate = "make"
"""
ALL_TOOLS = {"go", "air", "node", "uv", "python", "terraform"}


@pytest.mark.parametrize(
    ("names", "tools"),
    [
        (["postgres"], {"terraform"}),
        (["pubsub"], {"go", "terraform"}),
        (["orders", "pubsub"], {"go", "air", "terraform"}),
        (["catalog"], {"uv", "python", "terraform"}),
        (["web"], {"node", "terraform"}),
        (["catalog", "web"], {"uv", "python", "node", "terraform"}),
        (["cache"], ALL_TOOLS),
        (["seed"], ALL_TOOLS),
    ],
)
def test_a_part_has_its_own_tools_and_values(checkout: Checkout, names: list[str], tools: set[str]) -> None:
    checkout.state(WHOLE)
    for name in ("orders", "catalog", "web", "seed"):
        (checkout.path / name).mkdir()
    whole: Loaded = load(Path(checkout.path))
    desired = part.of(whole, names).desired
    assert {*desired.infra, *desired.services} == set(names)
    assert desired.tools.keys() == tools
    assert desired.env.keys() == {"ALL", "MADE", *(["THEIRS"] if "web" in names else [])}
    assert part.of(whole, [*whole.desired.infra, *whole.desired.services]) == whole


OVERRIDES = {
    "services.two.port": "[services.two]\nport = {port}\n",
    "services.two.placement": "[services.two]\nplacement = 'native'\n",
    "services.two.env.A": "[services.two.env]\nA = 'b'\n",
    "infra.db.port": "[infra.db]\nport = {port}\n",
    "services.one.env.A": "[services.one.env]\nA = 'b'\n",
    "env.ALL": "[env]\nALL = 'b'\n",
}
"""Key that this machine overrides -> its text."""


@pytest.mark.parametrize("key", OVERRIDES)
def test_what_a_machine_overrides_elsewhere_is_no_matter_of_a_part(
    checkout: Checkout, free_port: Callable[[], int], key: str
) -> None:
    checkout.state(
        "[env]\nALL = 'a'\n" + service("one", "serve", free_port(), more="env = { A = 'a' }")
        + service("two", "serve", free_port(), more="env = { A = 'a' }")
        + f"[infra.db]\nrun = 'true'\nport = {free_port()}\n"
    )  # fmt: skip
    checkout.write("desired_state.local.toml", OVERRIDES[key].format(port=free_port()))
    whole = load(checkout.path)
    assert whole.overrides == (key,)
    report = cycle.doctor(part.of(whole, ["one"]), Instance(checkout.path, "story"), ["overrides"])
    apart = key.startswith(("services.two", "infra"))
    assert not report.bugs and [item.id for item in report.items] == ([] if apart else [f"overrides.{key}"])
