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
    r"nobody|no one|everyone|everybody|anybody|somebody": "name the process, the user or the component",
    r"(?:data|ports?|it|they|which|that|files?|volumes?) (?:lie|lies|lay)": "is, are",
    r"stands? in (?!for\b)": "is in",
    r"(?<!there )(?:is|are) no (?!longer|more|other|way)\w+": "is not a",
    r"stays? where (?:he|it) is": "keeps its placement",
    r"can be had|cannot be had": "is available, is not available",
    r"goes on (?:with|without|at|where)": "continues, keeps working",
    r"cut off": "interrupted",
    r"of (?:its|our|their|your) own accord|by itself alone": "automatically",
    r"riddle|forsooth|hither|thither|whence|hence|thus": "use a common word",
    r"(?:its|their) (?:last )?words": "its messages, its last lines, its output",
    r"lent|to lend|lends": "handed off",
    r"(?:of|in) our making|is ours to": "of ./dev, that ./dev may",
    r"beside 127\.0\.0\.1": "on another loopback address than 127.0.0.1",
    r"let it go on|lets it go on": "resume it",
    r"taken? away": "removed, deleted",
    r"was given up|were given up|is given up": "was cancelled, was deleted",
}
"""A pattern of words -> what to write instead."""
PATTERN = re.compile("|".join(rf"(?:\b(?:{words})\b)" for words in WORDS), re.IGNORECASE)
STRICT = ("facts", "converge", "cli", "runtime")
"""Packages whose messages are checked for all of `WORDS`."""
PLAIN = ("runtime",)
"""Packages whose docstrings are checked for all of `WORDS` too."""
OLD = re.compile(r"\b(?:whom|whoever|beware|lest|forsooth|whence)\b", re.IGNORECASE)
"""Words that no docstring of the other packages has."""
KEPT = frozenset({"<!-- kept by ./dev: it writes this file anew and removes it -->"})
"""Marks by which `./dev` recognises files of its earlier versions."""


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


@pytest.mark.parametrize("room", STRICT)
def test_messages_and_docstrings_use_plain_words(room: str) -> None:
    files = [name for name in tree() if name.startswith(f"{room}/") and name.endswith(".py")]
    assert files
    wrong = [
        f"{path}:{line}: {word}"
        for path in files
        for line, text, is_docstring in strings(path)
        if text not in KEPT
        for word in found(re.sub(r"`[^`]*`", "", text), OLD if is_docstring and room not in PLAIN else PATTERN)
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
        ("What was lent until now is taken away", ["lent", "taken away"]),
        ("the user `nobody`", ["nobody"]),
    ],
)
def test_words_are_found(text: str, words: list[str]) -> None:
    assert found(text) == words
