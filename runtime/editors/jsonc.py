"""Edits entries of a list in JSON with comments, the format of VS Code's settings; all other bytes are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from facts.value import dataclass

Entry = dict[str, Any]
Ours = Callable[[Entry], bool]

_SPACE = re.compile(r"(?:[ \t\r\n]|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_BLANK = re.compile(r"[ \t]*")
_SCALAR = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null')
_REST = re.compile(r"(?:[ \t]|/\*[^\r\n]*?\*/)*(?://[^\r\n]*)?")
DEEPEST = 200
"""The most levels of nesting that are read."""


class Unreadable(Exception):
    """The text is not what an editor would accept; `line` counts from 1."""

    def __init__(self, text: str, at: int, because: str) -> None:
        super().__init__(because)
        self.line = text.count("\n", 0, at) + 1


@dataclass(frozen=True)
class Node:
    """A value and its position; children of a list or an object, with the comma after each."""

    value: Any
    start: int
    end: int
    children: tuple[tuple[str, Node, int | None], ...] = ()
    """Key (empty in a list), value, position of the comma that follows."""


def load(text: str) -> Any:
    """The value; None for a text without one. Raises Unreadable."""
    root = _root(text)
    return root.value if root else None


def edited(text: str, key: str, wanted: Sequence[Entry], ours: Ours, head: Entry) -> str:
    """The text with the wanted entries of ./dev in the list at the key; an empty file begins with `head`.

    Equal entries keep their formatting. Raises Unreadable.
    """
    entries = _list(text, key).children if _root(text) else ()
    mine = [child.value for _, child, _ in entries if isinstance(child.value, dict) and ours(child.value)]
    if mine == list(wanted):
        return text
    if not wanted and not mine:
        return text
    text = _begun(text, key, head)
    text = _without(text, key, wanted, ours)
    return _with(text, key, wanted, ours)


def _begun(text: str, key: str, head: Entry) -> str:
    """The text with an object, and the list in that object."""
    root = _root(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    if root is None:
        start = text if not text.strip("\ufeff \t\r\n") or text.endswith("\n") else text + newline
        made = json.dumps({**head, key: []}, indent=4).replace("\n", newline)
        return f"{start}{made}{newline}"
    if not isinstance(root.value, dict):
        raise Unreadable(text, root.start, "it is not an object")
    if key in root.value:
        return text
    inside, indent = f'"{key}": []', _indent_of(text, root) + _unit(text, root)
    if not root.children:
        return _inserted(text, root.start + 1, f"{newline}{indent}{inside}", root, newline)
    _, last, comma = root.children[-1]
    at = _line_end(text, comma + 1 if comma is not None else last.end)
    text = text[:at] + f"{newline}{indent}{inside}" + ("," if comma is not None else "") + text[at:]
    return text if comma is not None else text[: last.end] + "," + text[last.end :]


def _without(text: str, key: str, wanted: Sequence[Entry], ours: Ours) -> str:
    """The text with differing entries of ./dev replaced, and unwanted ones removed with their commas."""
    entries = _list(text, key).children
    at = _in_place(entries, wanted, ours)
    edits: list[tuple[int, int, str]] = []
    for position, (_, node, _) in enumerate(entries):
        if position in at and node.value != wanted[at[position]]:
            edits.append((node.start, node.end, _rendered(wanted[at[position]], text, node.start)))
    gone = {p for p, (_, node, _) in enumerate(entries) if _mine(node, ours) and p not in at}
    for position in gone:
        _, node, comma = entries[position]
        edits += _cut(text, node, comma)
    if gone and len(entries) - 1 in gone and entries[-1][2] is None:
        left = [p for p in range(len(entries)) if p not in gone]
        if left and (comma := entries[left[-1]][2]) is not None:
            edits.append((comma, comma + 1, ""))
    return _applied(text, edits)


def _with(text: str, key: str, wanted: Sequence[Entry], ours: Ours) -> str:
    """The text with missing entries after the last one."""
    node = _list(text, key)
    there = [child.value for _, child, _ in node.children if _mine(child, ours)]
    missing = [entry for entry in wanted if entry not in there]
    if not missing:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    if not node.children:
        indent = _indent_of(text, node) + _unit(text, _root(text))
        inside = text[node.start + 1 : node.end - 1]
        at = node.start + 1 + len(inside.rstrip(" \t\r\n"))
        shown = f",{newline}".join(indent + _rendered(entry, text, None, indent) for entry in missing)
        return _inserted(text, at, newline + shown, node, newline)
    _, last, comma = node.children[-1]
    indent = _indent_of(text, last) if _alone(text, last.start) else _indent_of(text, node) + _unit(text, _root(text))
    shown = f",{newline}".join(indent + _rendered(entry, text, None, indent) for entry in missing)
    at = _line_end(text, comma + 1 if comma is not None else last.end)
    text = _inserted(text, at, newline + shown + ("," if comma is not None else ""), node, newline)
    return text if comma is not None else text[: last.end] + "," + text[last.end :]


def _in_place(entries: Sequence[tuple[str, Node, int | None]], wanted: Sequence[Entry], ours: Ours) -> dict[int, int]:
    """Position in the list -> which wanted entry belongs there; of several with one name the first is kept."""
    names = {_name(entry): number for number, entry in enumerate(wanted)}
    found: dict[int, int] = {}
    for position, (_, node, _) in enumerate(entries):
        number = names.get(_name(node.value)) if _mine(node, ours) else None
        if number is not None and number not in found.values():
            found[position] = number
    return found


def _mine(node: Node, ours: Ours) -> bool:
    return isinstance(node.value, dict) and ours(node.value)


def _name(entry: Entry) -> Any:
    return entry.get("name", entry.get("label"))


def _cut(text: str, node: Node, comma: int | None) -> list[tuple[int, int, str]]:
    """Cut the entry, with its line if that contains nothing else."""
    end = comma + 1 if comma is not None and not text[node.end : comma].strip() else node.end
    start, stop = text.rfind("\n", 0, node.start) + 1, _blank_end(text, end)
    if not text[start : node.start].strip() and stop is not None and start:
        edits = [(start, stop, "")]
    else:
        edits = [(node.start, end, "")]
    if comma is not None and comma >= end:
        edits.append((comma, comma + 1, ""))
    return edits


def _blank_end(text: str, at: int) -> int | None:
    """Start of the next line, if the rest of this one is blank."""
    blank = _BLANK.match(text, at)
    assert blank
    for newline in ("\r\n", "\n"):
        if text.startswith(newline, blank.end()):
            return blank.end() + len(newline)
    return None


def _line_end(text: str, at: int) -> int:
    """Position after the comments at the end of this line."""
    rest = _REST.match(text, at)
    assert rest
    return rest.end() if text[at : rest.end()].strip() else at


def _inserted(text: str, at: int, what: str, around: Node, newline: str) -> str:
    """The text to insert, followed by a line break if needed."""
    own = "" if re.match(r"[ \t]*\r?\n", text[at:]) else newline + _indent_of(text, around)
    return text[:at] + what + own + text[at:]


def _applied(text: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, what in sorted(edits, reverse=True):
        text = text[:start] + what + text[end:]
    return text


def _rendered(entry: Entry, text: str, at: int | None, indent: str = "") -> str:
    """As an editor would format it in that file."""
    if at is not None:
        line = text.rfind("\n", 0, at) + 1
        blank = _BLANK.match(text, line)
        indent = blank.group() if blank else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    shown = json.dumps(entry, indent=_unit(text, _root(text)), ensure_ascii=False)
    return shown.replace("\n", newline + indent)


def _unit(text: str, root: Node | None) -> str:
    """One step of indentation in that file; four spaces if it has none."""
    for _, child, _ in root.children if root else ():
        line = text.rfind("\n", 0, child.start) + 1
        if line > (root.start if root else 0):
            blank = _BLANK.match(text, line)
            assert root and blank
            step = blank.group().removeprefix(_indent_of(text, root))
            if step:
                return step
    return "    "


def _indent_of(text: str, node: Node) -> str:
    blank = _BLANK.match(text, text.rfind("\n", 0, node.start) + 1)
    return blank.group().lstrip("\ufeff") if blank else ""


def _alone(text: str, at: int) -> bool:
    """Whether it is the first text of its line."""
    return not text[text.rfind("\n", 0, at) + 1 : at].strip("\ufeff \t")


def _list(text: str, key: str) -> Node:
    root = _root(text)
    if root is None or not isinstance(root.value, dict):
        raise Unreadable(text, root.start if root else 0, "it is not an object")
    found = [child for name, child, _ in root.children if name == key]
    if not found:
        return Node([], root.start, root.start)
    if not isinstance(found[-1].value, list):
        raise Unreadable(text, found[-1].start, f"{key} is not a list")
    return found[-1]


def _root(text: str) -> Node | None:
    at = _space(text, 1 if text.startswith("\ufeff") else 0)
    if at == len(text):
        return None
    node = _value(text, at, 0)
    if (end := _space(text, node.end)) != len(text):
        raise Unreadable(text, end, "more follows behind its end")
    return node


def _value(text: str, at: int, depth: int) -> Node:
    if depth > DEEPEST:
        raise Unreadable(text, at, "it is nested too deeply")
    if text[at : at + 1] in ("{", "["):
        return _collection(text, at, depth)
    scalar = _SCALAR.match(text, at)
    if not scalar:
        raise Unreadable(text, at, "there is no value" if at < len(text) else "it ends too early")
    try:
        return Node(json.loads(scalar.group()), at, scalar.end())
    except ValueError:
        raise Unreadable(text, at, "a text is not written as JSON wants it") from None


def _collection(text: str, start: int, depth: int) -> Node:
    """A list or an object; a comma may follow its last entry."""
    closing = "}" if text[start] == "{" else "]"
    at, children = _space(text, start + 1), list[tuple[str, Node, int | None]]()
    while text[at : at + 1] != closing:
        if children and children[-1][2] is None:
            raise Unreadable(text, at, f"a comma or {closing} is missing")
        key = ""
        if closing == "}":
            name = _value(text, at, depth + 1)
            at = _space(text, name.end)
            if not isinstance(name.value, str) or text[at : at + 1] != ":":
                raise Unreadable(text, at, "a name and a colon are missing")
            key, at = name.value, _space(text, at + 1)
        node = _value(text, at, depth + 1)
        at = _space(text, node.end)
        comma = at if text[at : at + 1] == "," else None
        children.append((key, node, comma))
        at = _space(text, at + 1) if comma is not None else at
    value: Any = [child.value for _, child, _ in children]
    if closing == "}":
        value = {key: child.value for key, child, _ in children}
    return Node(value, start, at + 1, tuple(children))


def _space(text: str, at: int) -> int:
    blank = _SPACE.match(text, at)
    assert blank
    return blank.end()
