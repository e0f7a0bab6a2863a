"""Variables in Compose files: each form that the Compose specification has, and what is none."""

from __future__ import annotations

import pytest

from converge.compose_file import interpolation

ENV = {"SET": "value", "EMPTY": "", "lower_1": "small", "BRACES": "${SET}", "DOLLARS": "a$$b"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$SET", "value"),
        ("${SET}", "value"),
        ("$SET.x-$SET", "value.x-value"),
        ("$lower_1", "small"),
        ("$UNSET|${UNSET}|$EMPTY", "||"),
        ("$$SET $${SET} $$$SET $$$$", "$SET ${SET} $value $$"),
        ("${UNSET-x}|${EMPTY-x}|${SET-x}", "x||value"),
        ("${UNSET:-x}|${EMPTY:-x}|${SET:-x}", "x|x|value"),
        ("${UNSET+x}|${EMPTY+x}|${SET+x}", "|x|x"),
        ("${UNSET:+x}|${EMPTY:+x}|${SET:+x}", "||x"),
        ("${EMPTY?why}|${SET?why}|${SET:?why}", "|value|value"),
        ("${UNSET:-}|${UNSET-}", "|"),
        ("${UNSET:-a:-b}", "a:-b"),
        ("${UNSET:-redis://h:6379/0?x=1}", "redis://h:6379/0?x=1"),
        ("${UNSET:-${SET}}|${UNSET:-${EMPTY:-deep}}", "value|deep"),
        ("${UNSET-$SET}", "value"),
        ("${SET:+${EMPTY:-other}}", "other"),
        ('${UNSET:-{"a": {"b": 1}}}', '{"a": {"b": 1}}'),
        ("${UNSET:-$$5}", "$5"),
        ("$BRACES $DOLLARS", "${SET} a$$b"),
        ("a}b{c", "a}b{c"),
        ("$", "$"),
        ("costs $5, ends in $", "costs $5, ends in $"),
        ("$}", "$}"),
        ("^a$|^b$", "^a$|^b$"),
    ],
)
def test_each_form_of_a_variable(written: str, read: str) -> None:
    assert interpolation.substitute(written, ENV) == read


@pytest.mark.parametrize(
    ("written", "because"),
    [
        ("${", "no end"),
        ("${SET", "no end"),
        ("${UNSET:-${SET}", "no end"),
        ("${}", "do not begin"),
        ("${1A}", "do not begin"),
        ("${ SET}", "do not begin"),
        ("${SET.x}", "is followed by none"),
        ("${SET:x}", "is followed by none"),
        ("${UNSET?}", "UNSET must be set"),
        ("${UNSET:?ask $SET}", "UNSET must be set: ask value"),
        ("${EMPTY:?why}", "EMPTY must be set: why"),
        ("${U:-" * 50 + "x" + "}" * 50, "deep in each other"),
    ],
)
def test_what_is_no_variable_says_why(written: str, because: str) -> None:
    with pytest.raises(interpolation.Wrong, match=because):
        interpolation.substitute(written, ENV)
