"""Values behind the name of a secret: `NAME=VALUE`, `"name": "value"`, and blocks of several lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from converge.redaction.patterns import MASK, NAMES, compiled

HARMLESS = frozenset({"true", "false", "null", "none", "yes", "no", "0", "1", "", MASK})
"""Values that say nothing."""
_SIGNS = (r"\"{3}|'{3}", r":[ \t]*[|>][+-]?\d?[ \t]*\r?\n", r":[ \t]*\r?\n[ \t-]")
"""What every text has that holds such a block; most texts hold none, and the look for names takes longer."""


class Assignments:
    """Hides what is assigned to names that look secret, or are in a list."""

    def __init__(self, names: Iterable[str]) -> None:
        own = "".join(rf"{re.escape(name)}|" for name in sorted(names))
        self._name = rf"(?<![\w.-])(?P<name>(?=(?:{own}{NAMES})(?![\w.-]))[\w.-]++)"
        self._blocks = (
            rf"(?is){self._name}(?P<between>[\"']?\s*[:=]\s*(?P<three>\"\"\"|\'\'\'))(?P<block>.*?)(?=(?P=three)|\Z)",
            rf"(?i){self._name}(?P<between>[\"']?[ \t]*:[ \t]*[|>][+-]?\d?[ \t]*\r?\n)"
            r"(?P<block>(?:[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+)",
            rf"(?i){self._name}(?P<between>[\"']?[ \t]*:[ \t]*\r?\n)"
            r"(?P<block>(?:(?:[ \t]+|[ \t]*-[ \t]+)(?!\S+:(?:\s|\Z))[^\s][^\n]*(?:\n|\Z))+)",
        )

    def hide(self, text: str) -> str:
        """The text without such values; names and quotes stay."""
        for sign, pattern in zip(_SIGNS, self._blocks, strict=True):
            if compiled(sign).search(text):
                text = compiled(pattern).sub(_block, text)
        return compiled(self._line).sub(_assigned, text)

    @property
    def _line(self) -> str:
        """With as many backslashes as it was quoted times."""
        return (
            rf"(?i){self._name}(?P<between>\\*[\"']?[ \t]*(?:=>|:=|[:=])[ \t]*)"
            r"(?:(?P<quote>\\*[\"'])(?P<quoted>(?:(?!(?<!\\)(?P=quote))[^\r\n])*)(?P<end>(?<!\\)(?P=quote))?"
            r"|(?P<plain>[^\s\"&{\[(][^\s\"&]*))"
        )


def _assigned(match: re.Match[str]) -> str:
    name, between, plain = match["name"], match["between"], match["plain"]
    if plain is not None:
        tail = plain[len(plain.rstrip(",;)}]")) :]
        core = plain[: len(plain) - len(tail)]
        if core.lower() in HARMLESS or (name.upper() in ("PWD", "OLDPWD") and core.startswith("/")):
            return match.group()
        return f"{name}{between}{MASK}{tail}"
    if match["quoted"].lower() in HARMLESS:
        return match.group()
    return f"{name}{between}{match['quote']}{MASK}{match['end'] or ''}"


def _block(match: re.Match[str]) -> str:
    """The same number of lines, each hidden."""
    hidden = re.sub(r"(?m)^([ \t]*).*\S.*$", rf"\1{MASK}", match["block"])
    return f"{match['name']}{match['between']}{hidden}"
