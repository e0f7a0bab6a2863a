"""The encodings in which a known secret is searched in a canonical text, and the search, whose time is linear."""

from __future__ import annotations

import json
from binascii import b2a_base64, hexlify
from collections.abc import Iterable, Iterator

from converge.redaction.canonical import canonical, characters

SHORTEST = 6
"""A known value with fewer characters is hidden only behind its name: `1` or `dev` may be half of a text."""
COMMON = frozenset(
    ["changeme", "default", "example", "mariadb", "minioadmin", "mongodb", "password", "postgres", "rabbitmq", "secret"]
)
"""Passwords of examples, hidden only behind their name, too: they are words of messages and names of images."""
_STANDARD = b"+/"
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_BASE32 = {f"{at:05b}": letter for at, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")}

Span = tuple[int, int]


class Finder:
    """Finds any of many values in any encoding; one look-up per character of the text, however many there are."""

    def __init__(self, values: Iterable[str]) -> None:
        self.raw: set[str] = set()
        self.forms: dict[str, set[tuple[str, bool]]] = {}
        """First SHORTEST characters -> forms that begin so, and whether something was dropped from the form."""
        for value in values:
            if len(value) < SHORTEST or value in COMMON:
                continue
            self.raw.add(value)
            if len(characters(value)) < SHORTEST:
                self.raw.update(_escaped(value))
            if not (value.isdigit() and len(value) < 10):  # columns of numbers have any short one
                for form in _written(value):
                    short = characters(form)
                    self._add(short, len(short) < len(form))
                for form in _encoded(value):
                    self._add(form, False)

    def spans(self, text: str) -> Iterator[Span]:
        """Where a value is in the text, from its first to its last character, in no order."""
        for value in self.raw:
            at = text.find(value)
            while at >= 0:
                yield at, at + len(value)
                at = text.find(value, at + 1)
        if not self.forms:
            return
        found = list(self._found(characters(text)))
        _, begins, ends = canonical(text) if found else ("", [], [])
        for at, form, dropped in found:
            begin, end = begins[at], ends[at + len(form) - 1]
            if not dropped or end - begin > len(form):  # what was dropped must be there in some way
                yield begin, end

    def _found(self, text: str) -> Iterator[tuple[int, str, bool]]:
        forms, size = self.forms, SHORTEST
        for at in range(len(text) - size + 1):
            if (head := text[at : at + size]) in forms:
                yield from ((at, form, dropped) for form, dropped in forms[head] if text.startswith(form, at))

    def _add(self, form: str, dropped: bool) -> None:
        if len(form) >= SHORTEST:
            self.forms.setdefault(form[:SHORTEST], set()).add((form, dropped))


def _written(value: str) -> Iterator[str]:
    """As its characters; blanks in a form of a browser; UTF-8 and UTF-16 read as something else."""
    yield value
    if " " in value:
        yield value.replace(" ", "+")
    if not value.isascii():
        yield value.encode(errors="replace").decode("latin-1")
        for order in ("utf-16-le", "utf-16-be"):
            data = value.encode(order, "replace")
            yield data.decode("utf-8", "replace")
            yield data.decode("latin-1")


def _escaped(value: str) -> Iterator[str]:
    """As JSON and URLs write it; for a value of quotes and blanks, of which its canonical text keeps too little."""
    once = json.dumps(value)[1:-1]
    yield from (once, json.dumps(once)[1:-1], once.replace("'", "'\\''"), value.replace("'", "'\\''"))
    for hexadecimal in ("%{:02X}", "%{:02x}"):
        percent = "".join(
            chr(byte) if chr(byte) in _UNRESERVED else hexadecimal.format(byte)
            for byte in value.encode(errors="replace")
        )
        yield percent
        yield percent.replace("%20", "+")


def _encoded(value: str) -> Iterator[str]:
    """In hexadecimal digits, base64 and base32, of the value in UTF-8 and UTF-16."""
    utf8 = value.encode(errors="replace")
    for data in (utf8, value.encode("utf-16-le", "replace"), value.encode("utf-16-be", "replace")):
        for joined in (hexlify(data), hexlify(data, ":")):
            digits = joined.decode()
            yield from (digits, digits.upper())
        for before, foreign in ((0, 0), (1, 2), (2, 3)):
            plain = b2a_base64(bytes(before) + data, newline=False).rstrip(b"=")[foreign:]
            if (before + len(data)) % 3:  # the last one holds bits of what follows
                plain = plain[:-1]
            yield plain.decode()
            if b"+" in plain or b"/" in plain:
                yield plain.translate(bytes.maketrans(_STANDARD, b"-_")).decode()
    for before in range(5):
        form = _base32(utf8, before)
        yield from (form, form.lower())


def _base32(data: bytes, before: int) -> str:
    """The characters that hold bits of the data alone, if it is encoded behind that many bytes."""
    bits = f"{int.from_bytes(data, 'big'):0{len(data) * 8}b}"
    skipped = -before * 8 % 5  # bits that share a character with what stands before
    return "".join(_BASE32[bits[at : at + 5]] for at in range(skipped, len(bits) - 4, 5))
