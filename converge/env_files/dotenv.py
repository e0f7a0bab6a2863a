"""Reads the text of a `.env` file by the rules that Docker Compose has for `env_file`.

python-dotenv has other rules: it knows no `NAME: value`, no `${NAME:+x}`, no bare name and no octal escapes, ends a
name at another sign, and passes over a line that it cannot read.
Source: package dotenv of https://github.com/compose-spec/compose-go (version 2), and its tests.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping

from converge.compose_file import interpolation

_BLANK = r"\t\v\f\r \x85\xa0"
"""White space that does not end a line."""
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_IGNORED = re.compile(rf"(?:[{_SPACE}]+|#[^\n]*)*")
_EXPORT = re.compile(rf"export[{_SPACE}]+")
_NAME = re.compile(r"[^=:\n]*")
_LINE = re.compile(r"[^\n]*")
_BLANKS = re.compile(rf"[{_BLANK}]*")
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
}
_ESCAPE = re.compile(r'\\([abcfnrtv$"\\]|0\d{0,3})')
_MEANING = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}


class Wrong(ValueError):
    """Why the text cannot be read, and the first line that cannot; no value is in it."""

    def __init__(self, line: int, because: str) -> None:
        super().__init__(because)
        self.line, self.because = line, because


def parse(text: str, outside: Mapping[str, str], before: Mapping[str, str] = {}) -> dict[str, str]:
    """Name -> value, added to those of the files `before`. Raises `Wrong`.

    `$NAME` is what it is `outside`, else what a line above says; a name alone is taken from outside, if it is there.
    """
    found = dict(before)
    known = ChainMap(outside, found)  # type: ignore[arg-type]  # nothing is written to it
    at = _after(_IGNORED, text, 0)
    while at < len(text):
        begin = at
        name, at = _name(text, at)
        if text[at : at + 1] in ("", "\n"):
            found |= {name: outside[name]} if name in outside else {}
        else:
            try:
                found[name], at = _value(text, _after(_BLANKS, text, at + 1), known)
            except interpolation.Wrong as problem:
                raise Wrong(_line(text, begin), f"{name}: {problem}") from None
        at = _after(_IGNORED, text, at)
    return found


def names(text: str) -> list[str]:
    """The names alone, each once, also where a variable that a value needs is not set. Raises `Wrong`."""
    return list(parse(text.replace("$", ""), {}) | dict.fromkeys(_bare(text), ""))


def _bare(text: str) -> list[str]:
    """Lines that are a name alone."""
    return re.findall(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*$", text, re.MULTILINE)


def _name(text: str, at: int) -> tuple[str, int]:
    """The name that begins there, and the place of the sign that ends it."""
    begin = _after(_EXPORT, text, at)
    end = _after(_NAME, text, begin)
    name = text[begin:end].rstrip(_SPACE)
    if not name:
        raise Wrong(_line(text, at), "there is no name before its = or :")
    if re.search(rf"[{_SPACE}]", name):
        raise Wrong(_line(text, at), "a name has white space in it")
    if not all(sign.isalpha() or sign.isnumeric() or sign in "_.-[]" for sign in name):
        raise Wrong(_line(text, at), "a name has other signs than letters, digits and _ . - [ ]")
    return name, end


def _value(text: str, at: int, known: Mapping[str, str]) -> tuple[str, int]:
    """The value that begins there, and the place after it."""
    quote = text[at : at + 1]
    if quote not in _QUOTED:
        end = _after(_LINE, text, at)
        plain = text[at:end].partition(" #")[0].rstrip(_SPACE)
        return interpolation.substitute(plain, known), end
    match = _QUOTED[quote].match(text, at)
    if not match:
        raise Wrong(_line(text, at), f"its {quote} is not closed")
    inner = match[1].replace(f"\\{quote}", quote) if quote == "'" else _unquoted(match[1])
    return (inner if quote == "'" else interpolation.substitute(inner, known)), match.end()


def _unquoted(text: str) -> str:
    """Without the escapes of a value in double quotes, but with `$$` for a dollar sign that begins no variable."""
    return _ESCAPE.sub(_meant, re.sub(r'(\\\\)|\\(")', lambda match: match[1] or match[2], text))


def _meant(match: re.Match[str]) -> str:
    word = match[1]
    if word == "$":
        return "$$"
    if not word.startswith("0"):
        return _MEANING.get(word, match[0])
    octal = word[1:]
    return chr(int(octal, 8)) if re.fullmatch("[0-3][0-7]{2}", octal) else f"\\{octal}"


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    """The place after what the pattern matches there; it is `at` where nothing matches."""
    match = pattern.match(text, at)
    return match.end() if match else at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
