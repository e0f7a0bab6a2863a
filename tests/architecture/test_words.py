"""Pages, messages and docstrings use words that every reader knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.test_docs import PAGES, prose
from tests.conftest import TOOL, tree

WORDS = {
    r"whom": "who",
    r"whoever": "name the program or the user",
    r"anew": "again",
    r"shall": "should, must or will",
    r"beware": "say what happens",
    r"lest": "so that … not",
    r"nobody|no one|everyone|anybody|somebody": "name the process, the user or the component",
    r"(?:data|ports?|it|they|which|that|files?|volumes?) (?:lie|lies|lay)": "is, are",
    r"stands? in (?!for\b)": "is in",
    r"(?<!there )(?:is|are) no (?!longer|more|other|way)\w+": "is not a",
    r"stays? where (?:he|it) is": "keeps its placement",
    r"can be had|cannot be had": "is available, is not available",
    r"goes on (?:with|without|at|where)": "continues, keeps working",
    r"cut off": "interrupted",
    r"of (?:its|our|their|your) own accord|by itself alone": "automatically",
    r"riddle|forsooth|hither|thither|whence|hence|thus": "use a common word",
}
"""A pattern of words -> what to write instead."""
PATTERN = re.compile("|".join(rf"(?:\b(?:{words})\b)" for words in WORDS), re.IGNORECASE)
STRICT = ("facts", "converge", "cli")
"""Packages whose messages are checked for all of `WORDS`."""
OLD = re.compile(r"\b(?:whom|whoever|beware|lest|forsooth|whence)\b", re.IGNORECASE)
"""Words that no docstring of these packages and no message of `runtime` has."""


def found(text: str, pattern: re.Pattern[str] = PATTERN) -> list[str]:
    return [match.group() for match in pattern.finditer(text)]


def strings(path: str) -> Iterator[tuple[int, str, bool]]:
    """Line, text, and whether it is a docstring, of every string of a module that is a phrase and not a program."""
    module = ast.parse((TOOL / path).read_text("utf-8"))
    shown = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value, id(node) in shown


@pytest.mark.parametrize("page", PAGES)
def test_pages_use_plain_words(page: str) -> None:
    text = (TOOL / page).read_text("utf-8")
    wrong = [f"{page}:{n}: {word}" for n, line in prose(text) for word in found(re.sub(r"`[^`]*`", "", line))]
    assert wrong == [], "see WORDS for what to write instead"


@pytest.mark.parametrize("room", [*STRICT, "runtime"])
def test_messages_and_docstrings_use_plain_words(room: str) -> None:
    files = [name for name in tree() if name.startswith(f"{room}/") and name.endswith(".py")]
    assert files
    wrong = [
        f"{path}:{line}: {word}"
        for path in files
        for line, text, is_docstring in strings(path)
        if room != "runtime" or not is_docstring
        for word in found(text, OLD if is_docstring or room == "runtime" else PATTERN)
    ]
    assert wrong == [], "see WORDS for what to write instead"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the user to whom it belongs", ["whom"]),
        ("Nobody answers", ["Nobody"]),
        ("its data lie in Docker", ["data lie"]),
        ("'x' is no placement", ["is no placement"]),
        ("it is no longer declared", []),
        ("there is no engine", []),
        ("the value is made anew", ["anew"]),
        ("the process that listens", []),
    ],
)
def test_words_are_found(text: str, words: list[str]) -> None:
    assert found(text) == words
