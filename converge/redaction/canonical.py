"""A text without what can stand between the characters of a secret: line breaks, ANSI sequences, quotes, escapes.

Two texts that mean the same have the same canonical characters, whatever they were written in: JSON, TOML, a shell, a
URL, HTML, UTF-16 read as bytes, or several of them one inside the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

ROUNDS = 4
"""Escapes inside escapes that are resolved: JSON in JSON in a URL."""
_SEQUENCE = r"(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\\]*(?:\x07|\x1b\\)?|[@-Z^_])?"
"""What follows the escape character of an ANSI sequence; strings end where their terminator stands."""
_ROW = r"\d{4}-\d\d-\d\dT[\d:.]{8,12}Z [|mbc!=]~? "
"""Stamp and mark of a row of a log file (runtime/logs/writer.py)."""
_DROPPED = (
    rf"(?:\x1b|\x9b|\\x1[bB]|\\u001[bB]|\\033|\\e(?=\[)|\^\[){_SEQUENCE}"
    rf"|\s+(?:(?<=\n){_ROW})?|[\"'\x00-\x1a\x1c-\x1f\x7f-\x9a\x9c-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff]+|\\[nrt]|%0[AaDd]"
)
_TOKEN = (
    rf"(?P<dropped>{_DROPPED})"
    r"|(?P<percent>%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+)"
    r"|(?P<unicode>\\u[dD][89abAB][0-9a-fA-F]{2}\\{1,8}u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8})"
    r"|(?P<bytes>\\x[0-7][0-9a-fA-F]|(?:\\x[89a-fA-F][0-9a-fA-F])+)"
    r"|(?P<octal>\\[01][0-7]{2}|(?:\\[23][0-7]{2})+)"
    r"|(?P<entity>&(?:\#[xX][0-9a-fA-F]{1,6}|\#\d{1,7}|amp|lt|gt|quot|apos|nbsp);)"
    r"|(?P<quote>\\)"
)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}


class Canonical(NamedTuple):
    """Canonical characters, and where each of them begins and ends in the text they were made of."""

    text: str
    begins: list[int]
    ends: list[int]


def characters(text: str) -> str:
    """The canonical characters alone; without escapes and control characters that is a matter of microseconds."""
    short = "".join(text.split()).replace('"', "").replace("'", "")
    if short.isprintable() and "\n2" not in text and not any(sign in short for sign in ("\\", "%", "&", "^[")):
        return short
    return canonical(text).text


def canonical(text: str) -> Canonical:
    """The canonical characters of a text; as long as another round resolves something, up to ROUNDS."""
    found = _round(text)
    for _ in range(ROUNDS - 1):
        if not _token().search(found.text):
            break
        more = _round(found.text)
        begins = [found.begins[at] for at in more.begins]
        ends = [found.ends[at - 1] for at in more.ends]
        found = Canonical(more.text, begins, ends)
    return found


@cache
def _token() -> re.Pattern[str]:
    return re.compile(_TOKEN)  # 2 ms, which most commands save


def _round(text: str) -> Canonical:
    pieces: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    at = 0
    for match in _token().finditer(text):
        start, end = match.span()
        if at < start:
            pieces.append(text[at:start])
            begins.extend(range(at, start))
            ends.extend(range(at + 1, start + 1))
        at = end
        if resolve := _RESOLVED.get(match.lastgroup or ""):
            piece = resolve(match.group())
            pieces.append(piece)
            begins.extend([start] * len(piece))
            ends.extend([end] * len(piece))
    pieces.append(text[at:])
    begins.extend(range(at, len(text)))
    ends.extend(range(at + 1, len(text) + 1))
    return Canonical("".join(pieces), begins, ends)


def _bytes(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "").replace("%", "")).decode("utf-8", "replace")


def _octal(text: str) -> str:
    return bytes(int(each, 8) for each in text.split("\\")[1:]).decode("utf-8", "replace")


def _unicode(text: str) -> str:
    if len(text) > 10:  # a surrogate pair
        high, low = int(text[2:6], 16), int(text[-4:], 16)
        return chr(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))
    return _character(int(text[2:], 16))


def _entity(text: str) -> str:
    name = text[1:-1]
    if not name.startswith("#"):
        return _ENTITIES[name]
    return _character(int(name[2:], 16) if name[1] in "xX" else int(name[1:]))


def _character(number: int) -> str:
    return chr(number) if number < 0x110000 else "\ufffd"


_RESOLVED: dict[str, Callable[[str], str]] = {
    "percent": _bytes, "bytes": _bytes, "octal": _octal, "unicode": _unicode, "entity": _entity,
}  # fmt: skip
"""What a token stands for; all other tokens stand for nothing."""
