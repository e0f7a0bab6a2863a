"""The text of a file that a person edits: UTF-8, with or without a byte-order mark, lines ended by LF or CRLF."""

from __future__ import annotations

MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""Byte-order mark -> the encoding that begins with it, the longest first."""
HINT = "save it as UTF-8"
UTF8 = b"\xef\xbb\xbf"
"""The mark that editors on Windows put before UTF-8; it is no part of the text."""


class NotText(ValueError):
    """The bytes are no such text; `line` is the first one that is not, `because` says why, as a clause."""

    def __init__(self, line: int, because: str) -> None:
        super().__init__(f"line {line}: {because}")
        self.line, self.because = line, because


def decoded(raw: bytes) -> str:
    """The text, without the mark, and with LF alone. NotText for another encoding, and for a NUL byte."""
    for mark, name in MARKS.items():
        if raw.startswith(mark):
            raise NotText(1, f"it is {name}")
    try:
        text = raw.removeprefix(UTF8).decode()
    except UnicodeDecodeError as problem:
        start = problem.start + (len(UTF8) if raw.startswith(UTF8) else 0)
        raise NotText(raw.count(b"\n", 0, start) + 1, f"byte {start} is 0x{raw[start]:02x}") from None
    if "\0" in text:
        raise NotText(raw.count(b"\n", 0, raw.index(0)) + 1, f"byte {raw.index(0)} is a NUL byte")
    return text.replace("\r\n", "\n")
