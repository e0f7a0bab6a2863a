"""Our entries come and go in a file of VS Code, and every byte of a person's stays."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.editors import jsonc, vscode

GOLDEN = Path(__file__).with_name("golden")
CASES = sorted(path.name.removesuffix(".before.json") for path in GOLDEN.glob("*.before.json"))
WANTED = [
    {"name": "dev: orders", "type": "go", "request": "launch"},
    {"name": "dev: attach orders", "type": "go", "request": "attach"},
]


def edited(text: str, wanted: list[dict[str, Any]] = WANTED) -> str:
    return jsonc.edited(text, "configurations", wanted, vscode.ours, {"version": "0.2.0"})


@pytest.mark.parametrize("case", CASES)
def test_a_file_is_edited_as_a_person_would(case: str) -> None:
    before = (GOLDEN / f"{case}.before.json").read_bytes().decode()
    after = edited(before)
    assert after == (GOLDEN / f"{case}.after.json").read_bytes().decode()
    assert edited(after) == after, "a second run has nothing to do"
    found = [entry for entry in jsonc.load(after)["configurations"] if vscode.ours(entry)]
    assert sorted(map(str, found)) == sorted(map(str, WANTED)) or case == "already"
    without = jsonc.load(edited(after, []))["configurations"]
    assert without == [entry for entry in jsonc.load(after)["configurations"] if not vscode.ours(entry)]


def test_tasks_keep_what_a_person_built_on_them() -> None:
    before = """{
  // see the wiki
  "version": "2.0.0",
  "tasks": [
    { "label": "dev: gone", "type": "process" },
    { "label": "all", "dependsOn": ["dev: hand off orders", "seed"], "problemMatcher": [] }, // mine
  ],
  "inputs": [{ "id": "x", "type": "promptString" }],
}
"""
    task = {"label": "dev: hand off orders", "type": "process"}
    after = jsonc.edited(before, "tasks", [task], vscode.ours, {"version": "2.0.0"})
    assert after == before.replace('    { "label": "dev: gone", "type": "process" },\n', "").replace(
        "}, // mine\n",
        '}, // mine\n    {\n      "label": "dev: hand off orders",\n      "type": "process"\n    },\n',
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [('{\n"configurations": [\n{ "name": "x" }\n{}]}', 4), ("[]", 1), ('{"configurations": {}}', 1), ("{}\n}", 2),
     ('{"configurations": [/* ]}', 1), ('{\n\n"configurations": [tru]}', 3), ('{"a": "\\x"}', 1), ("[" * 9999, 1)],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(jsonc.Unreadable) as refused:
        edited(text)
    assert refused.value.line == line


TRIVIA = st.sampled_from(
    ["", " ", "\n", "\n    ", "\r\n\t", " // it's, { [ mine\n", "/* , } */", " /* dev: \n */ ", "\n\n"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
THEIRS = st.dictionaries(st.text(max_size=5), VALUES, max_size=3).filter(lambda entry: not vscode.ours(entry))
OURS = st.sampled_from([*WANTED, {"name": "dev: gone"}, {"name": "dev: orders", "type": "other"}])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A file with entries of a person and some of ours, comments and commas wherever they may stand."""

    def joined(parts: list[str]) -> str:
        text = draw(TRIVIA)
        for number, part in enumerate(parts):
            comma = "," if number + 1 < len(parts) or draw(st.booleans()) else ""
            text += part + draw(TRIVIA) + comma + draw(TRIVIA)
        return text

    entries = [json.dumps(draw(THEIRS | OURS), indent=draw(st.sampled_from([None, 2]))) for _ in range(draw(SIZE))]
    members = [f'"configurations"{draw(TRIVIA)}:{draw(TRIVIA)}[{joined(entries)}]'] if draw(st.booleans()) else []
    more = draw(st.dictionaries(st.text(max_size=5).filter(lambda key: key != "configurations"), VALUES, max_size=2))
    members += [f"{json.dumps(key)}:{json.dumps(value)}" for key, value in more.items()]
    return draw(st.sampled_from(["", "\ufeff"])) + draw(TRIVIA) + f"{{{joined(members)}}}" + draw(TRIVIA)


SIZE = st.integers(min_value=0, max_value=5)


def theirs(text: str) -> str:
    """All that is not ours, save blanks and commas."""
    for _, node, _ in reversed(jsonc._list(text, "configurations").children):
        if isinstance(node.value, dict) and vscode.ours(node.value):
            text = text[: node.start] + text[node.end :]
    return re.sub(r"[\s,]+", "", text)


@settings(deadline=None, max_examples=200)
@given(texts(), st.lists(st.sampled_from(WANTED), unique_by=str, max_size=2))
def test_whatever_a_person_wrote_survives(before: str, wanted: list[dict[str, Any]]) -> None:
    after = edited(before, wanted)
    old, new = jsonc.load(before), jsonc.load(after)
    kept = [entry for entry in new.get("configurations", ()) if not vscode.ours(entry)]
    assert kept == [entry for entry in old.get("configurations", ()) if not vscode.ours(entry)]
    assert {**new, "configurations": 0} == {**old, "configurations": 0}
    mine = [entry for entry in new.get("configurations", ()) if vscode.ours(entry)]
    assert sorted(map(str, mine)) == sorted(map(str, wanted))
    if "configurations" in old:
        assert theirs(after) == theirs(before)
    assert edited(after, wanted) == after
