"""Reads the YAML of a Compose file as Compose reads it, with the line of every key and item."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from converge.compose_file import interpolation
from converge.errors import DevError
from converge.toml import refuse
from facts.value import dataclass, field

Path = tuple[str | int, ...]
LARGEST = 100_000
"""Values of one file, each alias counted with all that it stands for."""
DEEPEST = 30
"""Mappings and lists inside of each other."""
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None,
          "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}  # fmt: skip
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\d+[eE][-+]?\d+")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)")
_STRING = "tag:yaml.org,2002:str"
_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq", "merge",
                                                           "timestamp", "value"))  # fmt: skip


@dataclass(frozen=True)
class Document:
    """The content of one file."""

    name: str
    """Path of the file, as messages give it."""
    tree: dict[str, Any]
    """Its values: mappings, lists, texts, numbers, booleans and None; variables are filled in."""
    lines: Mapping[Path, int]
    """Line of every key and list item, by its path in `tree`; inside of an alias that of the anchor's content."""
    unset: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """Path of a text -> its variables that are not set and have no default."""

    def source(self, *path: str | int) -> str:
        """`file:line` of a path, or of the nearest one above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"


def read(raw: bytes, name: str, env: Mapping[str, str]) -> Document:
    """The document in `raw`; `env` has the variables. DevError `compose-file` at `file:line` if it cannot be read.

    Words and numbers are those of YAML 1.2, as in Compose: `on`, `no` and `22:22` are texts. A key that is there twice
    is refused, as in Compose. The content of the file is never shown.
    """
    try:
        root = yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        reader = _Reader(name, env)
        tree = {} if root is None else reader.value(root, ())
    except UnicodeDecodeError as problem:
        raise _refused(name, raw.count(b"\n", 0, problem.start) + 1, "it is not UTF-8 text") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise _refused(name, mark.line + 1 if mark else 1, f"it is not YAML: {problem.problem}") from None
    except yaml.YAMLError:
        raise _refused(name, 1, "it is not YAML: it has a character that YAML does not allow") from None
    except RecursionError:
        raise _refused(name, 1, f"mappings and lists may be {DEEPEST} deep") from None
    if not isinstance(tree, dict):
        raise _refused(name, 1, "it is not a mapping with keys such as `services`")
    return Document(name, tree, reader.lines, reader.unset)


def _refused(name: str, line: int, because: str) -> DevError:
    return refuse("compose-file", f"{name} cannot be read", f"{name}:{line}", because)


def _number(text: str) -> int | float | None:
    digits = text.lstrip("+-")
    if _INTEGER.fullmatch(text) and len(text) < 20:
        base = 8 if digits.startswith("0") and digits.isdigit() else 0
        return int(text, base)
    return float(text) if _FLOAT.fullmatch(text) else None


class _Reader:
    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        self.name, self.env = name, env
        self.lines: dict[Path, int] = {}
        self.unset: dict[Path, tuple[str, ...]] = {}
        self.count = 0
        self.open = set[int]()

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        if self.count > LARGEST:
            raise self._wrong(node, f"the file has more than {LARGEST} values, aliases counted in full")
        if len(path) > DEEPEST:
            raise self._wrong(node, f"mappings and lists may be {DEEPEST} deep")
        if id(node) in self.open:
            raise self._wrong(node, "an alias is inside of its own anchor")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if node.tag not in _TAGS:
            raise self._wrong(node, f"the tag {node.tag[:40]} is not read")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self.open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            found: Any = self._mapping(node, path)
        else:
            found = [self.value(item, (*path, at)) for at, item in enumerate(node.value)]
        self.open.discard(id(node))
        return found

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        for key, content in node.value:
            if key.tag.endswith(":merge"):
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise self._wrong(key, "a key is not a text")
            if key.value in own:
                raise self._wrong(key, f"the key {key.value[:60]} is there twice")
            self.lines.setdefault((*path, key.value), key.start_mark.line + 1)
            own[key.value] = self.value(content, (*path, key.value))
        for merged in self._merged(node):
            for name, content in self.value(merged, path).items():
                own.setdefault(name, content)
        return own

    def _merged(self, node: yaml.MappingNode) -> Iterator[yaml.Node]:
        """Mappings of `<<`, the strongest first."""
        for key, content in node.value:
            if key.tag.endswith(":merge"):
                for each in content.value if isinstance(content, yaml.SequenceNode) else (content,):
                    if not isinstance(each, yaml.MappingNode):
                        raise self._wrong(key, "<< takes a mapping or a list of mappings")
                    yield each

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        if node.style is None and node.tag != _STRING:
            if text in _WORDS:
                return _WORDS[text]
            if (number := _number(text)) is not None:
                return number
        if "$" in text and (names := tuple(interpolation.unset(text, self.env))):
            self.unset[path] = names
        try:
            return interpolation.substitute(text, self.env)
        except interpolation.Wrong as problem:
            raise self._wrong(node, str(problem)) from None

    def _wrong(self, node: yaml.Node, because: str) -> DevError:
        return _refused(self.name, node.start_mark.line + 1, because)
