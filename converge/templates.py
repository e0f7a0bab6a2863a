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
OF_OTHERS = r"[a-z0-9][a-z0-9-]*\.(?:[a-z_]+|[a-z][a-z0-9_]*_(?:port|address|url))(?::[^{}\s]*)?"
WORD = rf"{OF_OTHERS}|[a-z][a-z_]*|[a-z][a-z0-9_]*_port"
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
"""What replaces the scheme of a URL: `{db.url:postgresql+asyncpg}`. Source: RFC 3986, 3.1."""
SHAPE = re.compile(rf"\{{\{{({WORD})\}}\}}|(?<!\$)\{{({WORD})\}}")
"""`{{word}}` and `{word}`; `${word}` is a variable of a shell."""


@dataclass(frozen=True)
class Scope:
    """What can be filled in at one place."""

    components: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Component -> what of ADDRESSES and KEYS it has, none of them without a port; what its named ports have; and what
    of `credentials.PARTS`."""
    own: Collection[str] = ()
    """Those of OWN that there are, and one for each named port."""
    reading: Reading = "strict"

    def meant(self, word: str) -> bool:
        """Whether the word in braces is a template, right or wrong, and not a literal."""
        name, key, scheme = split(word)
        if self.reading == "strict":
            return scheme is None or is_url(key) or name in self.components
        return name in self.components or key in ADDRESSES if name else word in OWN or word in self.own


@dataclass(frozen=True)
class Problem:
    """A word that cannot be filled in."""

    word: str
    because: str
    hint: str
    undeclared: str = ""
    """The component that it names and that there is not."""
    part: tuple[str, str] | None = None
    """The component that there is, and what of it there is not."""


def split(word: str) -> tuple[str, str, str | None]:
    """Component (empty for a word of one's own), what it is asked for, and the scheme that it gets, if one is given."""
    plain, colon, scheme = word.partition(":")
    name, _, key = plain.rpartition(".")
    return name, key, scheme if colon else None


def is_url(key: str) -> bool:
    """Whether this is a URL, and not another part of an address."""
    return key == "url" or key.endswith("_url")


def fill(text: str, scope: Scope, value: Callable[[str], str]) -> str:
    """The text with each template replaced by its `value`, and `{{word}}` by `{word}` where that would be one.

    `value` is asked without a scheme, which is replaced here.
    """

    def replaced(match: re.Match[str]) -> str:
        escaped, word = match.groups()
        if not scope.meant(escaped or word):
            return match.group()
        if escaped:
            return f"{{{escaped}}}"
        plain, _, scheme = word.partition(":")
        found = value(plain)
        return f"{scheme}://{found.partition('://')[2]}" if scheme else found

    return SHAPE.sub(replaced, text)


def words(text: str, scope: Scope) -> Iterator[str]:
    """The templates of the text, without the schemes of URLs."""
    yield from (word.partition(":")[0] for word in _words(text, scope))


def problems(text: str, scope: Scope) -> Iterator[Problem]:
    """What of the text could not be filled in."""
    for word in _words(text, scope):
        name, key, scheme = split(word)
        if name and (name not in scope.components or key not in scope.components[name]):
            yield _address(word, name, key, scope)
        elif not name and word not in scope.own:
            yield _own(word, scope)
        elif scheme is not None and not (is_url(key) and SCHEME.fullmatch(scheme)):
            because = f"{scheme!r} is not a scheme of a URL" if is_url(key) else f"a {key} has no scheme"
            yield Problem(word, because, f"for example {{{name}.url:postgresql+asyncpg}}")


def _words(text: str, scope: Scope) -> Iterator[str]:
    for match in SHAPE.finditer(text):
        if match.group(2) and scope.meant(match.group(2)):
            yield match.group(2)


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
    return Problem(word, f"{name} has {', '.join(has)}", _hint(near, escape), part=(name, key))


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
