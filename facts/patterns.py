"""Searches for a regular expression that a checkout declares, in a time that the expression cannot extend."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
import warnings
from collections.abc import Sequence

LONGEST = 1000
"""Characters of an expression."""
TIME_LIMIT = 1.0
"""Seconds of processor time for all texts together, so that other work on the machine does not end a search."""
WAIT = 30.0
"""Seconds after which the other process is given up, whatever it does."""
STEPS = 3_000_000
"""Ways to match that are tried in this process: about 0.1 s. Where there may be more, another process tries them, as
Python's `re` can neither be interrupted in a thread nor let another thread run."""
_QUANTIFIER = r"(?<!\()(?:[*+]|\{[0-9,]*\})|(?<![(*+?}])\?"
_PROGRAM = (
    "import json, re, signal, sys\n"
    "pattern, texts, limit = json.load(sys.stdin)\n"
    "signal.setitimer(signal.ITIMER_PROF, limit)\n"  # its signal ends the process, also while `re` is at work
    "sys.stdout.write(str(any(re.search(pattern, text) for text in texts)))"
)


class TooSlow(ValueError):
    """The search did not end within the time limit."""


def problem(pattern: str) -> str:
    """Why it is not a regular expression that can be searched for; empty if it is."""
    if len(pattern) > LONGEST:
        return f"it has more than {LONGEST} characters"
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as refused:
        return str(refused)
    return ""


def found(pattern: str, texts: Sequence[str]) -> bool:
    """Whether it is found in one of the texts; TooSlow if that takes more than `TIME_LIMIT` seconds."""
    parts, choices = _parts(pattern)
    if sum(math.comb(len(text) + parts, parts) * choices for text in texts if parts) <= STEPS:
        return any(re.search(pattern, text) for text in texts)
    return _elsewhere(pattern, texts)


def _parts(pattern: str) -> tuple[int, int]:
    """How many ends of its parts may be in different places of a text, and how many choices there are in one of them.

    No parts and no choices: the time is that of reading the text.
    """
    plain = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    if re.search(r"\)[*+{]|\(\?[^:]", plain):  # a repeated group, a look around, a condition
        return 1, STEPS + 1
    quantifiers = re.findall(_QUANTIFIER, plain)
    many = sum(each != "?" for each in quantifiers)
    choices = plain.count("|") + len(quantifiers) - many
    return (many + 1 if many or choices else 0), 2**choices


def _elsewhere(pattern: str, texts: Sequence[str]) -> bool:
    import subprocess  # saves 2 ms of a look that needs none

    argv = [sys.executable, "-I", "-S", "-c", _PROGRAM]
    request = json.dumps([pattern, texts, TIME_LIMIT])
    with contextlib.suppress(subprocess.TimeoutExpired):
        ran = subprocess.run(argv, input=request, capture_output=True, text=True, timeout=WAIT)
        if ran.returncode == 0:
            return ran.stdout == "True"
    raise TooSlow(f"searching for {pattern!r} takes more than {TIME_LIMIT:g} s")
