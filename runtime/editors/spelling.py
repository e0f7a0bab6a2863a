"""NAME=VALUE lines that a shell and the debuggers of an editor read with the same result.

Extensions of VS Code read a file line by line, take one pair of quotes off and make a newline of `\\n` between double
ones; those for Go and Python fill in `${NAME}` besides and take `\\$` for a dollar (golang/vscode-go envUtils.ts,
vscode-python-debugger environment.ts, vscode-js-debug nodeLauncherBase.ts). A value that cannot be written so that the
shell agrees stands there twice: in a here-document, which a shell passes over, and in a line that only a shell reads.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
_DOUBLE = re.compile(r'"((?:[^"\\$`]|\\[$"\\`])*)"')
_END = "FOR-EDITORS"
_FILLED_IN = re.compile(r"(?<!\\)\$\{")


def lines(values: Mapping[str, str], dialect: str) -> str:
    """All of them, for an editor's debugger that reads this dialect and for `. FILE`."""
    both, editor, shell = [], [], []
    for name, value in sorted(values.items()):
        best = _best(value, dialect)
        if best is not None and _by_shell(best) == value:
            both.append(f"{name}={best}")
            continue
        if best is not None:
            editor.append(f"{name}={best}")
        shell.append(_for_shell(name, value))
    if editor:
        editor = [f": <<'{_END}'", *editor, _END]
    return "".join(f"{line}\n" for line in (*both, *editor, *shell))


def lost(values: Mapping[str, str], dialect: str) -> tuple[str, ...]:
    """Names of variables whose values the editor's debugger cannot read; a shell can read all."""
    return tuple(sorted(name for name, value in values.items() if _best(value, dialect) is None))


def read(text: str, dialect: str) -> dict[str, str]:
    """The variables that an editor's debugger with this dialect reads from a file."""
    rows = (re.match(r"\s*(_*[a-zA-Z]\w*)\s*=\s*(.*?)\s*$", line) for line in text.split("\n"))
    return {row[1]: _by_editor(row[2], dialect) for row in rows if row}


def _for_shell(name: str, value: str) -> str:
    """One line that no editor reads as a variable."""
    code = f"{name}={shlex.quote(value)}"
    for sign, escape in (("\\", "\\\\"), ("%", "%%"), ("'", "\\047"), ("\n", "\\n"), ("\r", "\\r")):
        code = code.replace(sign, escape)
    return f"eval \"$(printf '{code}')\""


def _best(value: str, dialect: str) -> str | None:
    """The spelling for the editor; if possible one that a shell reads with the same result."""
    fitting = [each for each in _candidates(value) if _one_line(each) and _by_editor(each, dialect) == value]
    return next((each for each in fitting if _by_shell(each) == value), next(iter(fitting), None))


def _candidates(value: str) -> Iterator[str]:
    for text in (value, value.replace("$", "\\$")):
        if _PLAIN.fullmatch(text):
            yield text
        yield f"'{text}'"
        yield '"{}"'.format(text.replace("\n", "\\n"))
        yield text


def _one_line(text: str) -> bool:
    return not re.search(r"[\n\r\u2028\u2029]", text) and text == text.strip()


def _by_editor(text: str, dialect: str) -> str:
    """The value of the text after `=`, as a debugger with this dialect reads it."""
    both = len(text) > 1 and text[0] == text[-1]
    if both and (text[0] == '"' or (dialect == "python" and text[0] == "'")):
        text = text.replace("\\n", "\n")
    if dialect == "python":
        text = text[1:-1] if both and text[0] in "\"'" else text
    else:
        text = re.sub(r"\A[\"']|[\"']\Z", "", text)
    if dialect not in ("go", "python"):
        return text
    return _FILLED_IN.sub("\0", text).replace("\\$", "$")  # a replaced variable gives another value


def _by_shell(text: str) -> str | None:
    """The value that a shell reads; None if that is uncertain."""
    if _PLAIN.fullmatch(text):
        return text
    if re.fullmatch(r"'[^']*'", text):
        return text[1:-1]
    double = _DOUBLE.fullmatch(text)
    return re.sub(r"\\(.)", r"\1", double[1]) if double else None
