"""What must not leave this machine, taken out of any text: values known to be secret, and whatever looks like one.

It is meant to hide too much rather than too little. What it cannot find: a secret that is not declared, has a
harmless name and no special form; and a secret that was printed in two parts.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

from facts.value import dataclass

MASK = "********"
SHORTEST = 4
"""A known value shorter than this is hidden only after its name: `1` is everywhere."""

_WORD = (
    r"passw(?:or)?d|passwd|passphrase|passcode|secret|token|credential|authorization|cookie|signature|jwt|bearer|dsn|salt"
    r"|(?:api|access|private|secret|auth|client|signing|encryption|account|master|ssh)[_.-]?key|key[_.-]?pair"
)
_NAMES = rf"[\w.-]*(?:{_WORD})[\w.-]*|(?:[\w.-]*[_.-])?(?:pwd|pass|pw|pat|auth|key)"
"""A name that holds something secret; a bare `pwd` is the working directory, which the check for a `/` lets through."""
_HARMLESS = frozenset({"true", "false", "null", "none", "yes", "no", "0", "1", "", "********"})

_KEY_BLOCK = re.compile(
    r"(?:-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\A[A-Za-z0-9+/=\s]+(?=-----END))"
    r".*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:key|token|auth|secret)[\w-]*)"
    r"(\\*[\"']?[ \t]*[:=][ \t]*\[?\s*\\*[\"']?)(?![\s{\[])[^\"'\r\n\\]+"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic|digest|negotiate)(\s+)[A-Za-z0-9._~+/=-]{6,}")
_TOKEN = re.compile(r"[^\s\"<>]{7,}+")
_USER = re.compile(r"[^:/@]*")
_PORT = re.compile(r"\d{1,5}(?:[/?#',]|\Z)")
_FLAG = re.compile(rf"(?i)(?<![\w-])(--?(?:{_NAMES}))(\s+)(?!-)\S+")
_NETRC = re.compile(r"(?i)\b(login\s+\S+\s+password\s+)\S+")
_CURL_USER = re.compile(r"(?<!\S)(-u|--user|--proxy-user)([\s=]+)\S+:\S+")
_SHAPES = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{12,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|xox[abeprs]-[\w-]{8,}"
    r"|(?:sk|pk|rk|whsec)_(?:test_|live_)?[A-Za-z0-9]{12,}|sk-[\w-]{16,}|AIza[\w-]{20,}|ya29\.[\w-]{8,}|npm_[A-Za-z0-9]{20,}"
    r"|pypi-[\w-]{16,}|dckr_pat_[\w-]{8,}|hf_[A-Za-z0-9]{16,}|eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?)"
)


@dataclass(frozen=True)
class Redactor:
    """Hides what is secret on one machine."""

    values: frozenset[str] = frozenset()
    """Known secrets."""
    names: frozenset[str] = frozenset()
    """Variables that hold a secret, whatever they are called."""
    prefixes: frozenset[str] = frozenset()
    """How generated secrets begin."""

    def text(self, text: str) -> str:
        """The text without its secrets."""
        text = _KEY_BLOCK.sub(MASK, text)
        if self._known:
            text = self._known.sub(MASK, text)
        text = _TOKEN.sub(_without_user, text)
        for pattern, by in _PLAIN:
            text = pattern.sub(by, text)
        if self._prefixed:
            text = self._prefixed.sub(MASK, text)
        for sign, pattern in zip(_BLOCK_SIGNS, self._blocks, strict=True):
            if not sign.search(text):
                continue
            text = pattern.sub(lambda match: f"{match['name']}{match['between']}{_hidden(match['block'])}", text)
        return self._assignment.sub(_assigned, text)

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value without its secrets; below a key that names one, all text is hidden."""
        secret = bool(name) and self.secret(name)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(each, name if secret else str(key)) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return self._list(value, name if secret else "")
        if value is None or isinstance(value, bool):
            return value
        if secret:
            return value if str(value).lower() in _HARMLESS else MASK
        if isinstance(value, str):
            return self._whole(value)
        return MASK if self._known and self._known.fullmatch(str(value)) else value

    def document(self, text: str) -> str:
        """A text that may be one JSON document: then its structure says what is secret too."""
        try:
            value = json.loads(text)
        except ValueError:
            return self.text(text)
        return json.dumps(self.value(value), indent=2, ensure_ascii=False) + "\n"

    def secret(self, name: str) -> bool:
        """Whether a variable or key of that name holds something secret."""
        if name in self.names:
            return True
        return name not in ("PWD", "OLDPWD") and re.fullmatch(rf"(?i)(?:{_NAMES})", name) is not None

    def _list(self, values: Iterable[Any], name: str) -> list[Any]:
        """In an argv, the word after `--password` is one."""
        found: list[Any] = []
        for each in values:
            flag = isinstance(found[-1] if found else None, str) and re.fullmatch(rf"(?i)--?(?:{_NAMES})", found[-1])
            found.append(MASK if flag and isinstance(each, str) else self.value(each, name))
        return found

    def _whole(self, text: str) -> str:
        """`NAME=VALUE` as one string, as an engine lists environments: all of the value goes."""
        name, equals, value = text.partition("=")
        if equals and re.fullmatch(r"[\w.-]+", name) and self.secret(name) and value.lower() not in _HARMLESS:
            return f"{name}={MASK}"
        return self.text(text)

    @cached_property
    def _known(self) -> re.Pattern[str] | None:
        """Every form of every known secret, the longest first: one may begin like another."""
        forms = {form for value in self.values for part in _parts(value) for form in _forms(part)}
        words = sorted((form for form in forms if form.lower() not in _HARMLESS), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, words))) if words else None

    @cached_property
    def _prefixed(self) -> re.Pattern[str] | None:
        words = [re.escape(prefix) for prefix in self.prefixes if len(prefix) >= 2]
        return re.compile(rf"\b(?:{'|'.join(sorted(words))})[\w.~+/=-]{{12,}}") if words else None

    @cached_property
    def _name(self) -> str:
        own = "".join(rf"{re.escape(name)}|" for name in sorted(self.names))
        return rf"(?<![\w.-])(?P<name>(?=(?:{own}{_NAMES})(?![\w.-]))[\w.-]++)"

    @cached_property
    def _blocks(self) -> tuple[re.Pattern[str], ...]:
        """Values of several lines: between three quotes, as a YAML block, as what is indented below a YAML key."""
        return (
            re.compile(
                rf"(?is){self._name}(?P<between>[\"']?\s*[:=]\s*(?P<three>\"\"\"|\'\'\'))(?P<block>.*?)(?=(?P=three)|\Z)"
            ),
            re.compile(
                rf"(?i){self._name}(?P<between>[\"']?[ \t]*:[ \t]*[|>][+-]?\d?[ \t]*\r?\n)"
                r"(?P<block>(?:[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+)"
            ),
            re.compile(
                rf"(?i){self._name}(?P<between>[\"']?[ \t]*:[ \t]*\r?\n)"
                r"(?P<block>(?:(?:[ \t]+|[ \t]*-[ \t]+)(?!\S+:(?:\s|\Z))[^\s][^\n]*(?:\n|\Z))+)"
            ),
        )

    @cached_property
    def _assignment(self) -> re.Pattern[str]:
        """`NAME=VALUE`, `"name": "value"`, `name => 'value'`, with as many backslashes as it was quoted times."""
        return re.compile(
            rf"(?i){self._name}(?P<between>\\*[\"']?[ \t]*(?:=>|:=|[:=])[ \t]*)"
            r"(?:(?P<quote>\\*[\"'])(?P<quoted>(?:(?!(?<!\\)(?P=quote))[^\r\n])*)(?P<end>(?<!\\)(?P=quote))?"
            r"|(?P<plain>[^\s\"&{\[(][^\s\"&]*))"
        )


_BLOCK_SIGNS = (
    re.compile(r"\"{3}|'{3}"), re.compile(r":[ \t]*[|>][+-]?\d?[ \t]*\r?\n"), re.compile(r":[ \t]*\r?\n[ \t-]"),
)  # fmt: skip
"""What every text has that holds such a block; most texts hold none, and the look for names takes longer."""
_PLAIN = (
    (_HEADER, rf"\1\2{MASK}"), (_SCHEME, rf"\1\2{MASK}"),
    (_NETRC, rf"\1{MASK}"), (_CURL_USER, rf"\1\2{MASK}"), (_FLAG, rf"\1\2{MASK}"), (_SHAPES, MASK),
)  # fmt: skip


def _without_user(match: re.Match[str]) -> str:
    """A word without the password, or the token in place of a user, of a URL in it; by hand, to stay linear."""
    word = match.group()
    last, at = word.rfind("@"), word.find("://")
    while 0 <= at < last:
        start = at + 3
        user = _USER.match(word, start)
        stop = user.end() if user else start
        if word[stop] == ":" and not _PORT.match(word, stop + 1):
            return f"{word[: stop + 1]}{MASK}{word[last:]}"
        if word[stop] == "@" and word[:at].lower().endswith(("http", "https")):
            return f"{word[:start]}{MASK}{word[last:]}"
        at = word.find("://", start)
    return word


def _assigned(match: re.Match[str]) -> str:
    name, between, plain = match["name"], match["between"], match["plain"]
    if plain is not None:
        tail = plain[len(plain.rstrip(",;)}]")) :]
        core = plain[: len(plain) - len(tail)]
        if core.lower() in _HARMLESS or (name.upper() in ("PWD", "OLDPWD") and core.startswith("/")):
            return match.group()
        return f"{name}{between}{MASK}{tail}"
    if match["quoted"].lower() in _HARMLESS:
        return match.group()
    return f"{name}{between}{match['quote']}{MASK}{match['end'] or ''}"


def _hidden(block: str) -> str:
    """The same number of lines, each hidden."""
    return re.sub(r"(?m)^([ \t]*).*\S.*$", rf"\1{MASK}", block)


def _parts(value: str) -> Iterable[str]:
    """The value, and each longer line of it: logs break lines."""
    value = value.strip()
    yield value
    if "\n" in value:
        yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= 8)


def _forms(value: str) -> Iterator[str]:
    """The value as it is, in a URL, in JSON (twice too), as Python, HTML and a shell write it, and in base64."""
    if len(value) < SHORTEST:
        return
    yield value
    for safe in ("", "/", "/:@"):
        yield quote(value, safe=safe)
    yield quote_plus(value)
    yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), quote(value, safe=""))
    for plain in (True, False):
        once = json.dumps(value, ensure_ascii=plain)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=plain)[1:-1]
    yield repr(value)[1:-1]
    yield html.escape(value)
    yield value.replace("'", "'\\''")
    yield from _in_base64(value.encode("utf-8", "surrogateescape"))


def _in_base64(value: bytes) -> Iterator[str]:
    """Its own characters, wherever it begins in what was encoded: `user:password` for one."""
    for before, foreign in ((0, 0), (1, 2), (2, 3)):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(before) + value).decode().rstrip("=")[foreign:]
            shared = (before + len(value)) % 3 != 0  # the last one holds bits of what follows
            form = text[:-1] if shared else text
            if len(form) >= SHORTEST:
                yield form
