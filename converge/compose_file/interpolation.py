"""Variables in the values of a Compose file, in every form that Compose has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[_A-Za-z][_A-Za-z0-9]*")
_OPERATOR = re.compile(r":?[-+?]")
_PLAIN = re.compile(r"\$(?:\$|\{([_A-Za-z][_A-Za-z0-9]*)\}|([_A-Za-z][_A-Za-z0-9]*))")
DEEPEST = 20
"""Variables inside of the default of another one; people write one or two."""


class Wrong(ValueError):
    """Why a value cannot be read; the text names the variable and never its value."""


def substitute(value: str, env: Mapping[str, str], depth: int = 0) -> str:
    """The value with its variables filled in; one that is not set and has no default is empty. Raises `Wrong`.

    Forms: `$$`, `$A`, `${A}`, `${A-x}`, `${A:-x}`, `${A+x}`, `${A:+x}`, `${A?why}`, `${A:?why}`; `x` and `why` can have
    variables too. A `$` before anything else is itself. Source: package template of compose-go.
    """
    if depth > DEEPEST:
        raise Wrong(f"variables are more than {DEEPEST} deep in each other")
    return "".join(_parts(value, env, depth))


def unset(value: str, env: Mapping[str, str]) -> Iterator[str]:
    """Variables of the value that are not set and have no default: Compose warns of them."""
    for match in _PLAIN.finditer(value):
        name = match[1] or match[2]
        if name and name not in env:
            yield name


def _parts(value: str, env: Mapping[str, str], depth: int) -> Iterator[str]:
    at = 0
    while (dollar := value.find("$", at)) >= 0:
        yield value[at:dollar]
        after = value[dollar + 1 : dollar + 2]
        if after == "$":
            yield "$"
            at = dollar + 2
        elif after == "{":
            end = _closing(value, dollar + 1)
            yield _braced(value[dollar + 2 : end], env, depth)
            at = end + 1
        elif name := _NAME.match(value, dollar + 1):
            yield env.get(name.group(), "")
            at = name.end()
        else:
            yield "$"
            at = dollar + 1
    yield value[at:]


def _closing(value: str, opening: int) -> int:
    """Place of the brace that closes the one at `opening`; Compose counts every brace between them."""
    depth = 0
    for at in range(opening, len(value)):
        depth += {"{": 1, "}": -1}.get(value[at], 0)
        if depth == 0:
            return at
    raise Wrong("a variable in braces has no end")


def _braced(inner: str, env: Mapping[str, str], depth: int) -> str:
    name = _NAME.match(inner)
    if not name:
        raise Wrong("braces after a $ do not begin with the name of a variable")
    rest = inner[name.end() :]
    known = env.get(name.group())
    if not rest:
        return known or ""
    operator = _OPERATOR.match(rest)
    if not operator:
        raise Wrong(f"the name {name.group()} is followed by none of - :- + :+ ? :?")
    given = known is not None and (known != "" or not operator.group().startswith(":"))
    word = rest[operator.end() :]
    if operator.group().endswith("+"):
        return substitute(word, env, depth + 1) if given else ""
    if given:
        return known or ""
    if operator.group().endswith("-"):
        return substitute(word, env, depth + 1)
    why = substitute(word, env, depth + 1)
    raise Wrong(f"{name.group()} must be set" + (f": {why}" if why else ""))
