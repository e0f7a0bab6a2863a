"""One value of the file changes; comments, order and all other lines stay as a person wrote them."""

from __future__ import annotations

import pytest

from converge.envfile import changed


@pytest.mark.parametrize(
    ("text", "values", "after"),
    [
        ("", {"A": "1"}, "A=1\n"), ("A=1\n", {"A": "2"}, "A=2\n"), ("A=1\n", {"A": None}, ""),
        ("A=1", {"B": "2"}, "A=1\nB=2\n"), ("# A=1\nA=1\n", {"A": "2"}, "# A=1\nA=2\n"),
        ("  # A=1\n", {"A": "2"}, "  # A=1\nA=2\n"), ("A = 1\nB=2\n", {"A": "3"}, "A=3\nB=2\n"),
        ("B=A=1\n", {"A": "2"}, "B=A=1\nA=2\n"), ("A=1\nA=2\n", {"A": "3"}, "A=3\n"), ("\nA\n", {"A": None}, "\nA\n"),
        ("A=1=2\nC=3\n", {"C": None, "A": "4", "D": "5"}, "A=4\nD=5\n"),
    ],
)  # fmt: skip
def test_only_the_named_lines_change(text: str, values: dict[str, str | None], after: str) -> None:
    assert changed(text, values) == after
