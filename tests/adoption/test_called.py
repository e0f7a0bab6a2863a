"""Services of one directory run alike where nothing else is said, and none waits for what is only a comment."""

from __future__ import annotations

import pytest

from converge.adoption import called, reconcile
from converge.adoption.draft import Draft, Entry, Line
from converge.adoption.evidence import Claim


def draft(*lines: Line, off: bool) -> Draft:
    api = Entry(table="services", name="api", lines=(Line(key="kind", value="go", sources=()), *lines))
    return Draft(entries=(api, Entry(table="infra", name="mail", lines=(), off=off)))


@pytest.mark.parametrize(
    ("off", "needs", "expected", "comment"),
    [
        (False, ("db", "mail"), ("db", "mail"), ""),
        (True, ("db", "mail"), ("db",), "mail is only a comment here"),
        (True, ("db",), ("db",), ""),
    ],
)
def test_a_component_that_is_a_comment_is_not_waited_for(
    off: bool, needs: tuple[str, ...], expected: tuple[str, ...], comment: str
) -> None:
    found = called.declared(draft(Line(key="needs", value=needs, sources=()), off=off)).entries[0]
    assert found.said("needs") == expected
    assert "".join(found.lines[1].others) == comment


def test_a_key_with_nothing_left_is_a_comment() -> None:
    found = called.declared(draft(Line(key="uses", value=("mail",), sources=()), off=True)).entries[0]
    assert found.lines[1].off == "mail is only a comment here"


def claim(also: str, key: str, value: str) -> Claim:
    return Claim(table="services", of="api", also=also, key=key, value=value, source="compose.yaml:1")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ([claim("grpc", "as_main", "")], {"kind": "go", "main": "./cmd/api"}),
        ([], {"kind": "command"}),
        ([claim("grpc", "as_main", ""), claim("grpc", "kind", "python")], {"kind": "python"}),
        ([claim("grpc", "dev", "run it")], {"kind": "command", "dev": "run it"}),
    ],
)
def test_another_service_of_a_directory_runs_as_its_main_one(own: list[Claim], expected: dict[str, str]) -> None:
    said = [claim("", "kind", "go"), claim("", "main", "./cmd/api"), claim("grpc", "name", "api-grpc"), *own]
    found = next(each for each in reconcile.draft(said, "shop").entries if each.name == "api-grpc")
    assert {line.key: line.value for line in found.lines if line.key in ("kind", "main", "dev", "as_main")} == expected
