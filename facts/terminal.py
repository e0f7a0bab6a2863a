"""What may reach a terminal of text from other programs: colours, and nothing else that a terminal acts on.

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


def coloured(text: str) -> str:
    """The text with its colours and without every other sequence; single control characters stay as they are."""
    return _SEQUENCE.sub(r"\1", text) if _CONTROL.search(text) else text


def plain(text: str) -> str:
    """The text without any sequence, as it is searched."""
    return _SEQUENCE.sub("", text) if _CONTROL.search(text) else text


def shown(text: str, colours: bool = True) -> str:
    """The text for a person at a terminal.

    Each control character but tab and line feed is shown as its picture, as U+240D for a carriage return, so that
    nothing is written over. Colours end with the text.
    """
    if not _CONTROL.search(text):
        return text
    kept = (coloured if colours else plain)(text).translate(_PICTURES)
    last = kept.rfind("\x1b")
    return kept if last < 0 or _RESET.match(kept, last) else kept + "\x1b[0m"
