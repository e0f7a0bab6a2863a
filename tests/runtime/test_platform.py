"""What a name on the command line stands for: the component, and all it needs and uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError
from converge.instance import Instance
from runtime.platform import Platform

LONG = 999
"""Services in a chain of needs: more than Python lets functions call one another."""


def platform(path: Path, text: str) -> Platform:
    return Platform(schema.parse(f"schema = 1\n[project]\nname = 'x'\n{text}".encode()), Instance(path, "x"))


def service(name: str, needs: str = "", uses: str = "") -> str:
    listed = (f"{key} = {value.split()!r}\n" for key, value in (("needs", needs), ("uses", uses)))
    return f"[services.{name}]\nkind = 'command'\ndev = 'true'\n{''.join(listed)}"


SHOP = "[infra.db]\nkind = 'command'\nport = 20001\nrun = 'true'\n" + "".join((
    service("web", "orders", "mail"), service("orders", "db stock"), service("stock", "db"), service("mail", "relay"),
    service("relay", "", "web"), service("alone"),
))  # fmt: skip


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["alone"], ["alone"]),
        (["stock"], ["db", "stock"]),
        (["orders"], ["db", "stock", "orders"]),
        (["web"], ["db", "stock", "orders", "web", "relay", "mail"]),
        (["relay"], ["relay", "db", "stock", "orders", "web", "mail"]),
        (["alone", "stock"], ["alone", "db", "stock"]),
        (None, ["db", "stock", "orders", "web", "relay", "mail", "alone"]),
    ],
)
def test_what_is_needed_comes_first(tmp_path: Path, names: list[str] | None, expected: list[str]) -> None:
    found = platform(tmp_path, SHOP).chosen(names)
    assert list(found) == expected
    assert all(found[name].name == name for name in expected)


def test_a_chain_of_needs_may_be_long(tmp_path: Path) -> None:
    text = "".join(service(f"s{at}", f"s{at + 1}") for at in range(LONG)) + service(f"s{LONG}")
    assert list(platform(tmp_path, text).chosen(["s0"])) == [f"s{at}" for at in range(LONG, -1, -1)]


@pytest.mark.parametrize("members", [["a"], ["a", "b"], ["c", "a", "b"]])
def test_a_circle_of_needs_is_named_from_its_first_member_on(tmp_path: Path, members: list[str]) -> None:
    after = dict(zip(members, [*members[1:], members[0]], strict=True))
    text = service("before", members[-1]) + "".join(service(name, after[name]) for name in sorted(members))
    with pytest.raises(DevError) as caught:
        platform(tmp_path, text)
    at = members.index("a")
    assert caught.value.code == "needs-cycle"
    assert caught.value.what.endswith(": " + " -> ".join([*members[at:], *members[:at], "a"]))


def test_the_two_sorts_of_components_are_told_apart(tmp_path: Path) -> None:
    shop = platform(tmp_path, SHOP)
    assert list(shop.components) == [*shop.infra, *shop.services]
    assert {each.is_service for each in shop.infra.values()} == {False}
    assert {each.is_service for each in shop.services.values()} == {True}
    assert shop.source(shop.component("db"), "port") == "desired_state.toml:6"
    with pytest.raises(DevError) as caught:
        shop.component("dbb")
    assert caught.value.code == "unknown-component"
