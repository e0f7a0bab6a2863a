"""A team's `.env` file says what Compose takes it to say: every quoting, compared with Compose itself where it is."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from converge import schema, tools
from converge.env_files import dotenv
from tests.conftest import TOOL

OUTSIDE = {"OUT": "outside"}
READ: dict[str, dict[str, str]] = {
    "": {},
    "# only\n\n \t\n": {},
    "A=1": {"A": "1"},
    "A = 1\nB: 2\nC:3\nD : 4": {"A": "1", "B": "2", "C": "3", "D": "4"},
    "A=1:b\nB=x=y=": {"A": "1:b", "B": "x=y="},
    "export A=1\nexport\tB=2\nexportC=3\n  export D=4": {"A": "1", "B": "2", "exportC": "3", "D": "4"},
    "A=\nB=2": {"A": "", "B": "2"},
    "A=1\nA=2": {"A": "2"},
    "a.b=1\nA-B=2\nA[0]=3\n1A=4\né=5": {"a.b": "1", "A-B": "2", "A[0]": "3", "1A": "4", "é": "5"},
    # comments
    "A=x # c\nB=x #c\nC=x#c\nD=#c\nE= # c": {"A": "x", "B": "x", "C": "x#c", "D": "#c", "E": "# c"},
    "A='x' # c\nB=\"x\"#c\nC=\"x#y\"\nD=' # '": {"A": "x", "B": "x", "C": "x#y", "D": " # "},
    "A=x\t# c": {"A": "x\t# c"},
    # blanks, and quotes within
    "A= a b \nB=' a '\nC=\" a \"": {"A": "a b", "B": " a ", "C": " a "},
    "A=x'y'z\nB=x\"y\"z\nC=\"'\"\nD='\"'": {"A": "x'y'z", "B": 'x"y"z', "C": "'", "D": '"'},
    'A="x"B=2': {"A": "x", "B": "2"},
    "A=`id`\nB=$(id)": {"A": "`id`", "B": "$(id)"},
    'A={"a":"b"}\nB=[1,2]': {"A": '{"a":"b"}', "B": "[1,2]"},
    # escapes
    "A='it\\'s'\nB='a\\nb'\nC='a\\\\b'": {"A": "it's", "B": "a\\nb", "C": "a\\\\b"},
    'A="say \\"x\\""\nB="a\\nb"\nC="\\t\\r\\v\\f\\a\\b"': {"A": 'say "x"', "B": "a\nb", "C": "\t\r\v\f\a\b"},
    "A=a\\nb\nB=a\\": {"A": "a\\nb", "B": "a\\"},
    'A="\\x41\\u0041\\c\\ "': {"A": "\\x41\\u0041\\c\\ "},
    'A="\\0101"\nB="\\0351"\nC="\\0777"\nD="\\012"\nE="\\0"': {
        "A": "A",
        "B": "é",
        "C": "\\777",
        "D": "\\12",
        "E": "\\",
    },
    'A="a\\\\nb"\nB="a\\\\"\nC="\\\\\\""': {"A": "a\\nb", "B": "a\\", "C": '\\"'},
    # several lines
    "A=\"l1\nl2\"\nB='l1\nl2'\nC=3": {"A": "l1\nl2", "B": "l1\nl2", "C": "3"},
    # variables
    "B=b\nA=$B\nC=\"$B\"\nD='$B'\nE=${B}c": {"B": "b", "A": "b", "C": "b", "D": "$B", "E": "bc"},
    "A=${Z:-d}|${Z-d}|${Z:+y}|$Z": {"A": "d|d||"},
    "B=\nA=${B:-d}|${B-d}": {"B": "", "A": "d|"},
    "OUT=inside\nA=$OUT": {"OUT": "inside", "A": "outside"},
    "OUT\nA=1": {"OUT": "outside", "A": "1"},
    "NOWHERE\nA=1": {"A": "1"},
    'A="\\$B"\nB=\\$C\nC=1\nD=$$C\nE="$$C"': {"A": "$B", "B": "\\", "C": "1", "D": "$C", "E": "$C"},
    "A=$\nB=\"5$\"\nC=$1\nD='$$'": {"A": "$", "B": "5$", "C": "$1", "D": "$$"},
}
REFUSED = {
    "A='x": (1, "not closed"),
    "A=1\nB=\"x\ny": (2, "not closed"),
    "A=1\n\nB C=1": (3, "white space"),
    "# c\n- A=1": (2, "white space"),
    "A$=1": (1, "other signs"),
    "A=1\nB=${": (2, "no end"),
    "A=${Z:?why}": (1, "Z must be set: why"),
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_a_file_is_read_by_the_rules_of_compose(text: str) -> None:
    assert dotenv.parse(text, OUTSIDE) == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_read_has_its_line_and_no_value(text: str) -> None:
    with pytest.raises(dotenv.Wrong) as caught:
        dotenv.parse(text, OUTSIDE)
    line, because = REFUSED[text]
    assert caught.value.line == line and because in caught.value.because


@pytest.mark.parametrize(("text", "read"), [("A", {}), ("OUT", {"OUT": "outside"})])
def test_a_name_alone_at_the_end_is_a_name(text: str, read: dict[str, str]) -> None:
    """Compose differs: it takes the name for the value of a variable without a name."""
    assert dotenv.parse(text, OUTSIDE) == read


def test_the_names_of_an_example_need_no_values() -> None:
    assert dotenv.names("# x\nA=\nexport B='1'\nC=${Z:?no}\nD\n") == ["A", "B", "C", "D"]


def test_compose_reads_the_same(tmp_path: Path) -> None:
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2: ./dev doctor --fix --only docker")
    for number, text in enumerate(READ):
        (tmp_path / f"{number}.env").write_text(text, "utf-8")
    model = {f"s{at}": {"image": "x", "env_file": str(tmp_path / f"{at}.env")} for at in range(len(READ))}
    assert _config(program, tmp_path, model) == list(READ.values())
    for text in REFUSED:
        (tmp_path / "refused.env").write_text(text, "utf-8")
        assert _config(program, tmp_path, {"s0": {"image": "x", "env_file": str(tmp_path / "refused.env")}}) is None


def _config(program: Path, place: Path, services: dict[str, object]) -> list[dict[str, str]] | None:
    """The environment of each service as Compose prints it, with each `$` as `$$`; None where it refuses the file."""
    (place / "compose.json").write_text(json.dumps({"services": services}))
    ran = subprocess.run(
        [program, "-f", place / "compose.json", "--env-file", os.devnull, "config", "--format", "json"], text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.devnull, **OUTSIDE}, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    if ran.returncode:
        return None
    found = json.loads(ran.stdout)["services"]
    environments = [found[name].get("environment") or {} for name in services]
    return [
        {name: value.replace("$$", "$") for name, value in each.items() if value is not None} for each in environments
    ]
