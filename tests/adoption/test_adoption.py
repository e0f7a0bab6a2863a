"""A first desired state says where each entry is from, loads, and does not depend on the order of the evidence."""

from __future__ import annotations

import tomllib

import pytest

from converge import schema
from converge.adoption import gomod, text
from converge.adoption.evidence import Service, Tool

MODULE = "module example.org/shop/Order_API/v2 // the API\n\ngo 1.25.1\n\ntoolchain go1.25.4\n"
GOLDEN = """\
schema = 1

[project]
name = "shop"

[tools]
go = "1.25.4" # orders/go.mod:5
# question: tools/go.mod:3 names go 1.24.0; which one counts?

[services.order-api] # orders/go.mod:1
kind = "go"
path = "orders"
# question: which port does it listen on? Add port = …; without one it is a worker
"""


@pytest.mark.parametrize("step", [1, -1])
def test_the_text_is_the_golden_one_in_any_order_and_loads(step: int) -> None:
    tools = (*gomod.tools("orders/go.mod", MODULE), Tool(name="go", version="1.24.0", source="tools/go.mod:3"))
    found = gomod.services("orders/go.mod", MODULE, frozenset({"orders"}))
    said = text.written("shop", tools[::step], found)
    assert said == GOLDEN
    assert schema.parse(said.encode()).desired.services["order-api"].path == "orders"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("module a\ngo 1.22\n", []),
        ("module a\ngo 1.22.3 // why\n", ["1.22.3"]),
        ("toolchain go1.23.1\ngo 1.22.0\n", ["1.23.1"]),
        ("", []),
    ],
)
def test_only_a_whole_version_of_go_is_a_pin(content: str, expected: list[str]) -> None:
    assert [tool.version for tool in gomod.tools("go.mod", content)] == expected


@pytest.mark.parametrize("content", ["", "go 1.22.0\n", "module example.org/lib\n", "module ///\n"])
def test_what_is_no_program_is_no_service(content: str) -> None:
    assert gomod.services("lib/go.mod", content, frozenset({"."})) == ()


@pytest.mark.parametrize("path", ['a"b', "a\\b", "a\nkind = 1", "a\x7fb", "a#b"])
def test_no_path_changes_what_the_text_means(path: str) -> None:
    service = Service(name="api", kind="go", path=path, source=f"{path}/go.mod:1")
    said = text.written("shop", (), (service,))
    assert tomllib.loads(said)["services"] == {"api": {"kind": "go", "path": path}}


def test_a_second_service_of_one_name_is_a_question() -> None:
    pair = [Service(name="api", kind="go", path=path, source=f"{path}/go.mod:1") for path in ("b", "a")]
    said = text.written("shop", (), pair)
    assert said == text.written("shop", (), pair[::-1])
    assert tomllib.loads(said)["services"]["api"]["path"] == "a"
    assert "# question: b/go.mod:1 shows api, too" in said
