"""What may reach a terminal of text from others: nothing that it acts on, or that hides or turns what stands there.

The sequences are those of ECMA-48 and of xterm: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
"""

from __future__ import annotations

import re

_STRING = "[^\x07\x18\x1a\x1b\x80-\x84\x86-\x9f]*"
"""Content of a title, a hyperlink or a device string; it ends before the next escape, so that a search is linear."""
_SEQUENCE = re.compile(
    "(\x1b\\[[0-9;:]*m)"  # colours and styles: SGR
    f"|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f]){_STRING}(?:\x07|\x1b\\\\|\x9c)"  # OSC, DCS, SOS, PM, APC to their end
    "|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # any other CSI: cursor, screen, modes
    "|\x1b[ -/]+[0-~]"  # character sets
    "|\x1b[0-~]?"  # two characters, or an escape that begins nothing
    "|[\x0e\x0f\x80-\x84\x86-\x9f]"  # shifts, and C1 controls; NEL stays, as it is a line feed to many programs
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PICTURES = {number: chr(0x2400 + number) for number in range(32) if chr(number) not in "\t\n\x1b"}
_PICTURES |= {0x7F: "\u2421", 0x85: "\u2424"}
_RESET = re.compile("\x1b\\[0*m")
_JOINERS = "\u200c\u200d"
"""Letters of several scripts, and pictures of people, need them: a log may have them."""
_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff"
)
"""What is not seen, or changes the order of what is seen (`Default_Ignorable_Code_Point`, `Bidi_Control`), line and
paragraph separators, halves of surrogate pairs, which no encoding has. Variation selectors pass, as of emoji."""
_UNSEEN = f"[{_HIDDEN}]"  # compiled where it is first needed: that takes 0.4 ms
_UNSAFE = f"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f{_JOINERS}{_HIDDEN}]"
_COLOUR = "\x1b\\[[0-9;:]*m"


def coloured(text: str) -> str:
    """The text with its colours and without every other sequence; single control characters stay as they are."""
    return _SEQUENCE.sub(r"\1", text) if _CONTROL.search(text) else text


def plain(text: str) -> str:
    """The text without any sequence, as it is searched."""
    return _SEQUENCE.sub("", text) if _CONTROL.search(text) else text


def visible(text: str, colours: bool = False) -> str:
    """The text with everything seen that is in it, as `␛` and `\\u202e`; only tabs and line feeds act.

    Colours are no content: those in the text are left out, unless `colours`.
    """

    def seen(match: re.Match[str]) -> str:
        found = match.group()
        return "␛" if found == "\x1b" else _PICTURES.get(ord(found)) or _named(match)

    if text.isascii() and text.isprintable():
        return text
    if colours:
        return re.sub(f"\x1b(?!{_COLOUR[1:]})|{_UNSAFE}", seen, text)
    return re.sub(f"\x1b|{_UNSAFE}", seen, re.sub(_COLOUR, "", text))


def escaped(document: str) -> str:
    """JSON text in which what `visible` would show is escaped, and nothing else, so that it means the same."""

    def code(match: re.Match[str]) -> str:
        units = match.group().encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

    return re.sub(f"\x1b|{_UNSAFE}", code, document)


def _named(match: re.Match[str]) -> str:
    """A character by its number; a byte that is not UTF-8 (PEP 383) as that byte."""
    number = ord(match.group())
    if 0xDC80 <= number <= 0xDCFF:
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def shown(text: str, colours: bool = True) -> str:
    """The text of a log for a person at a terminal.

    Each control character but tab and line feed is shown as its picture, as U+240D for a carriage return, so that
    nothing is written over. Colours end with the text.
    """
    text = text if text.isascii() else re.sub(_UNSEEN, _named, text)
    if not _CONTROL.search(text):
        return text
    kept = (coloured if colours else plain)(text).translate(_PICTURES)
    last = kept.rfind("\x1b")
    return kept if last < 0 or _RESET.match(kept, last) else kept + "\x1b[0m"
