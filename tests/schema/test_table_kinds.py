"""Kinds that are tables: what an entry of one becomes, a team's own, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from converge import kinds, schema, table_kinds
from converge.desired import Service, ServiceTable
from converge.errors import DevError
from converge.instance import Instance
from runtime.environment import fill
from runtime.platform import Platform
from tests.conftest import HEAD, Checkout

OWN = """[kinds.services.worker]
dev = "exec worker --app {app} --metrics {port}"
reload = true
test = "worker test {main}"
env = { LEVEL = "info", QUEUE = "all" }
[services.a]
kind = "worker"
port = 20001
app = "jobs:all"
env = { QUEUE = "mail" }
"""


def service(text: str) -> Service:
    (found,) = schema.parse((HEAD + text).encode()).desired.services.values()
    return found


@pytest.mark.parametrize("kind", table_kinds.BUILT_IN)
def test_a_built_in_one_is_a_table_with_a_command_that_can_be_filled_in(tmp_path: Path, kind: str) -> None:
    table = table_kinds.BUILT_IN[kind]
    assert ServiceTable(**table) and table["base"] in kinds.SERVICES and kind not in kinds.SERVICES
    loaded = schema.parse(f"{HEAD}[services.a]\nkind = '{kind}'\nport = 20001\napp = 'shop'\n".encode())
    platform = Platform(loaded, Instance(tmp_path, "x"))
    component = platform.services["a"]
    command = fill(component.wants.dev or "", platform, component, host="127.0.0.3")
    assert component.kind == table["base"] and "{" not in command
    listens = "{port}" in table["dev"]
    assert ("127.0.0.3" in command) is ("20001" in command) is listens
    under = component.wants.debug or "-m debugpy --listen 127.0.0.1:{debug_port} "
    assert "{debug_port}" in under and "{app}" not in under and "--reload" not in under
    assert ("shop" in command) is ("{app}" in table["dev"])


def test_an_entry_goes_before_its_table() -> None:
    text = "[services.a]\nkind = 'django'\nport = 20001\ndev = 'mine'\nmigrate = 'other'\n"
    found = service(text)
    assert (found.kind, found.dev, found.migrate, found.test) == ("python", "mine", "other", "python manage.py test")


@pytest.mark.parametrize(("more", "ready"), [("", True), ("dev = 'celery -A x worker -l error'\n", False)])
def test_what_tells_that_a_kinds_command_is_ready_is_not_asked_of_another_one(more: str, ready: bool) -> None:
    found = service(f"[services.a]\nkind = 'celery'\napp = 'x'\n{more}")
    assert bool(found.ready) is ready and found.reload


def test_a_kind_of_a_team_is_a_table_in_its_repository() -> None:
    text = OWN.replace('app = "jobs:all"', 'app = "jobs:all"\nmain = "m"')
    found = service(text)
    assert found.kind == "command" and found.dev == "exec worker --app jobs:all --metrics {port}" and found.reload
    assert found.test == "worker test m" and found.env == {"LEVEL": "info", "QUEUE": "mail"}


def test_a_team_may_have_another_table_of_a_built_in_kind() -> None:
    found = service("[kinds.services.vite]\nbase = 'node'\ndev = 'own'\n[services.a]\nkind = 'vite'\n")
    assert (found.kind, found.dev) == ("node", "own")


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("[services.a]\nkind = 'viet'\n", "value-wrong", 5, "vite"),
        ("[services.a]\nkind = 'celery'\n", "command-missing", 5, 'app = "…"'),
        ("[kinds.services.w]\ndev = 'x {app}'\n[services.a]\nkind = 'w'\n", "command-missing", 7, "dev"),
        ("[kinds.services.go]\ndev = 'x'\n", "duplicate-name", 4, ""),
        ("[kinds.services.W_]\ndev = 'x'\n", "bad-name", 4, "lower-case"),
        ("[kinds.services.w]\nreload = true\n[services.a]\nkind = 'w'\n", "key-missing", 4, ""),
        ("[kinds.services.w]\ndev = 3\n[services.a]\nkind = 'w'\n", "value-wrong", 5, ""),
        ("[kinds.services.w]\ndev = 'x'\nport = 3\n[services.a]\nkind = 'w'\n", "key-unknown", 6, ""),
        ("[kinds.services.w]\nbase = 'vite'\ndev = 'x'\n", "value-wrong", 5, ""),
        ("[kinds]\nservices = 3\n", "value-wrong", 5, ""),
        ("[services.a]\nkind = 3\n", "value-wrong", 5, ""),
    ],
)
def test_a_wrong_one_is_refused_with_its_line(text: str, code: str, line: int, words: str) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + text).encode())
    assert (caught.value.code, caught.value.source) == (code, f"desired_state.toml:{line}"), caught.value
    assert words in caught.value.hint


def test_the_json_schema_has_their_names() -> None:
    first, other = schema.json_schema()["$defs"]["Service"]["properties"]["kind"]["anyOf"]
    assert {"go", "vite", "celery"} <= set(first["enum"]) and other == {"type": "string"}


def test_a_service_of_a_teams_kind_runs(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state(
        "[kinds.services.pages]\ndev = 'exec python3 -m http.server --bind {host} {port}'\nready = { http = '/' }\n"
        f"[services.site]\nkind = 'pages'\nport = {port}\n"
    )
    assert checkout.dev("start").code == 0
    assert checkout.components()["site"]["state"] == "ready"
    assert checkout.dev("stop").code == 0
