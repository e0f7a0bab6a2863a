"""Words in braces that stand for an address or a place: which there are, how they are filled in, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal

from facts.value import dataclass, field

ADDRESSES = ("url", "address", "host", "port")
"""What a component is asked for: `{postgres.url}`."""
KEYS = "keys"
"""What the component that [auth] names has besides: `{issuer.keys}`, the public keys of its tokens (a JWKS)."""
OWN = ("host", "port", "debug_port", "state", "data")
"""What a component has of its own: `{port}`."""
Reading = Literal["strict", "lenient"]
"""`strict`: every word in braces is a template. `lenient`, for commands, which have braces of their own as awk's
`{print}`, and for [env]: only a word that names one of OWN, a component or one of ADDRESSES."""
WORD = r"[a-z0-9][a-z0-9-]*\.(?:[a-z_]+|[a-z][a-z0-9_]*_(?:port|address|url))|[a-z][a-z_]*|[a-z][a-z0-9_]*_port"
SHAPE = re.compile(rf"\{{\{{({WORD})\}}\}}|(?<!\$)\{{({WORD})\}}")
"""`{{word}}` and `{word}`; `${word}` is a variable of a shell."""


@dataclass(frozen=True)
class Scope:
    """What can be filled in at one place."""

    components: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Component -> what of ADDRESSES and KEYS it has, none of them without a port; and what its named ports have."""
    own: Collection[str] = ()
    """Those of OWN that there are, and one for each named port."""
    reading: Reading = "strict"

    def meant(self, word: str) -> bool:
        """Whether the word in braces is a template, right or wrong, and not a literal."""
        name, dot, key = word.rpartition(".")
        if self.reading == "strict":
            return True
        return name in self.components or key in ADDRESSES if dot else word in OWN or word in self.own


@dataclass(frozen=True)
class Problem:
    """A word that cannot be filled in."""

    word: str
    because: str
    hint: str
    undeclared: str = ""
    """The component that it names and that there is not."""


def fill(text: str, scope: Scope, value: Callable[[str], str]) -> str:
    """The text with each template replaced by its `value`, and `{{word}}` by `{word}` where that would be one."""

    def replaced(match: re.Match[str]) -> str:
        escaped, word = match.groups()
        if not scope.meant(escaped or word):
            return match.group()
        return f"{{{escaped}}}" if escaped else value(word)

    return SHAPE.sub(replaced, text)


def words(text: str, scope: Scope) -> Iterator[str]:
    """The templates of the text."""
    for match in SHAPE.finditer(text):
        if match.group(2) and scope.meant(match.group(2)):
            yield match.group(2)


def problems(text: str, scope: Scope) -> Iterator[Problem]:
    """What of the text could not be filled in."""
    for word in words(text, scope):
        name, dot, key = word.rpartition(".")
        if dot and (name not in scope.components or key not in scope.components[name]):
            yield _address(word, name, key, scope)
        elif not dot and word not in scope.own:
            yield _own(word, scope)


def _address(word: str, name: str, key: str, scope: Scope) -> Problem:
    import difflib  # saves 2 ms: only a refusal needs it

    escape = f"write {{{{{word}}}}} for the braces themselves"
    if name not in scope.components:
        near = [f"{each}.{key}" for each in difflib.get_close_matches(name, scope.components, 1, 0.5)]
        because = f"there is no component {name!r}; declared are: {', '.join(scope.components) or 'none'}"
        return Problem(word, because, _hint(near, escape), name)
    has = scope.components[name]
    if not has:
        return Problem(word, f"{name} has no port, so nothing can call it", escape)
    near = [f"{name}.{each}" for each in difflib.get_close_matches(key, has, 1)]
    return Problem(word, f"a component has {', '.join(has)}", _hint(near, escape))


def _own(word: str, scope: Scope) -> Problem:
    import difflib  # saves 2 ms: only a refusal needs it

    near = difflib.get_close_matches(word, scope.own, 1)
    known = [f"{{{each}}}" for each in scope.own]
    there = f"; here there are {', '.join(known)} and addresses" if known else "; here there are addresses alone"
    return Problem(
        word, f"{{{word}}} stands for nothing here{there}, such as {{NAME.url}}",
        _hint(near, f"write {{{{{word}}}}} for the braces themselves"),
    )  # fmt: skip


def _hint(near: list[str], escape: str) -> str:
    return f"did you mean {{{near[0]}}}? Else {escape}" if near else escape
