"""The variables of a Compose file while it is read as evidence: known ones are filled in, unknown ones stay visible."""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Mapping

from converge.adoption.tree import Tree
from converge.env_files import dotenv

OPEN, CLOSE = "\ue000", "\ue001"
"""Around the name of an unknown variable; no file that people write has these characters."""
UNKNOWN = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
_USED = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(:?[-+?])?|([A-Za-z_][A-Za-z0-9_]*))")
EXAMPLES = (".env", ".env.example", ".env.sample", ".env.dist", ".env.template", "env.example", ".env.local.example")
"""Files beside a Compose file with values of its variables, the best first."""


class Lines:
    """The lines and the variables of Compose files, each read once."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._lines: dict[str, list[str]] = {}
        self._provided: dict[str, Mapping[str, str]] = {}

    def of(self, path: str) -> Mapping[str, str]:
        """Name -> value, for the variables that a Compose file uses."""
        used = [(match[1] or match[3], match[2] or "") for match in _USED.finditer(self.tree.text(path))]
        optional = {name for name, operator in used if operator.endswith(("-", "+"))}
        visible = {name: f"{OPEN}{name}{CLOSE}" for name, _ in used if name not in optional}
        return {**visible, **self.provided(path)}

    def provided(self, source: str) -> Mapping[str, str]:
        """What `.env` beside a file, or an example of it, says; `source` is a path or `file:line`."""
        folder = posixpath.dirname(_path(source))
        if folder not in self._provided:
            known: dict[str, str] = {}
            for beside in (posixpath.join(folder, name) for name in reversed(EXAMPLES)):
                with contextlib.suppress(dotenv.Wrong):
                    known |= dotenv.parse(self.tree.text(beside), {}) if beside in self.tree.paths else {}
            self._provided[folder] = known
        return self._provided[folder]

    def passes(self, source: str, name: str) -> bool:
        """Whether the line gives the variable on by its own name: `A: ${A}`."""
        path, _, line = source.rpartition(":")
        if path not in self._lines:
            self._lines[path] = self.tree.text(path).splitlines()
        lines, at = self._lines[path], int(line) if line.isdigit() else 0
        own = re.escape(name)
        pattern = rf"""\b{own}["']?\s*[:=]\s*["']?\$(\{{{own}[^$]*\}}|{own})["']?\s*(#.*)?\Z"""
        return 0 < at <= len(lines) and re.search(pattern, lines[at - 1].rstrip()) is not None


def unknown(value: str) -> tuple[str, ...]:
    """Names of the variables in a value that are not known."""
    return tuple(UNKNOWN.findall(value))


def shown(value: str) -> str:
    """The value with unknown variables as the file has them."""
    return UNKNOWN.sub(r"${\1}", value)


def _path(source: str) -> str:
    path, _, line = source.rpartition(":")
    return path if path and line.isdigit() else source
