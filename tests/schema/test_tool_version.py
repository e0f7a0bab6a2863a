"""Which versions of the tool a `[project] dev` accepts."""

from __future__ import annotations

import pytest

from converge.checks import tool_version


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        (">=0.2,<1", "0.2.0", True), (">=0.2,<1", "1.0.0", False), (">=0.2, <1", "0.1.9", False),
        ("==0.2.*", "0.2.7", True), ("~=0.2.3", "0.3.0", False), (">=0.2", "0.3.0rc1", True), ("", "0.2.0", None),
        ("0.2", "0.2.0", None), ("^0.2", "0.2.0", None), (">=zero", "0.2.0", None),
    ],
)  # fmt: skip
def test_comparisons_are_those_of_python_packages(wanted: str, version: str, expected: bool | None) -> None:
    assert tool_version.accepts(wanted, version) is expected
