"""What `bench/mutants.py` may change in a module: one small change of its syntax tree each, in a fixed order."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip
BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip
TYPES = {"annotation", "returns", "decorator_list", "type_params", "bases"}
"""Fields of a node that only say its type; decorators have no behaviour of their own here."""
WIDTH = 100
"""Characters of a change that are shown."""


@dataclass(frozen=True)
class Block:
    """The place of a statement: a change plants its mark before it."""

    statements: list[ast.stmt]
    at: int


@dataclass(frozen=True)
class Change:
    """One change of a parsed module: `owner.name`, or one of it, becomes `new`."""

    kind: str
    line: int
    column: int
    before: str
    after: str
    owner: ast.AST = field(repr=False)
    name: str = field(repr=False)
    at: int | None = field(repr=False)
    new: object = field(repr=False)
    block: Block = field(repr=False)

    def apply(self, mark: str) -> None:
        """Make the change, and have the module create the file `mark` when it reaches the changed statement."""
        if self.at is None:
            setattr(self.owner, self.name, self.new)
        else:
            getattr(self.owner, self.name)[self.at] = self.new
        flags = os.O_CREAT | os.O_WRONLY
        text = f"__import__('os').close(__import__('os').open({mark!r}, {flags}))"
        planted = ast.parse(f"try:\n    {text}\nexcept OSError:\n    pass")
        self.block.statements[self.block.at : self.block.at] = planted.body


def changes(module: ast.Module) -> list[Change]:
    """Every change of a module, in the order of its text; each belongs to this tree and can be applied once."""
    return list(below(module, Block(module.body, 0), inside=False))


def below(owner: ast.AST, block: Block, inside: bool) -> Iterator[Change]:
    """Changes of the children of a node; `inside` a function, statements can be left out without a NameError."""
    inside = inside or isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef))
    for name, value in ast.iter_fields(owner):
        if name in TYPES or (name == "slice" and is_literal(owner)):
            continue
        for at, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or is_left_alone(node):
                continue
            here = Block(value, at) if isinstance(node, ast.stmt) and at is not None else block
            for kind, new in replacements(node, inside):
                before, after = shown(node, new)
                line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
                yield Change(kind, line, column, before, after, owner, name, at, new, here)
            if not isinstance(node, (ast.Raise, ast.JoinedStr)):  # what an error says is not behaviour
                yield from below(node, here, inside)


def is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"


def is_left_alone(node: ast.AST) -> bool:
    """Imports, docstrings, and blocks for type checkers or for a module that is run as a program."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    names = {each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)} if isinstance(node, ast.If) else ()
    return "TYPE_CHECKING" in names or "__name__" in names


def replacements(node: ast.AST, inside: bool) -> Iterator[tuple[str, ast.AST]]:
    """Kind of each change of one node, and what replaces the node."""
    match node:
        case ast.Compare(ops=[operator]):
            for kind, table in (("comparison swapped", SWAPPED), ("boundary", BOUNDARY)):
                if other := table.get(type(operator)):
                    yield kind, like(node, ast.Compare(node.left, [other()], node.comparators))
        case ast.BoolOp():
            other_word = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "and/or swapped", like(node, ast.BoolOp(other_word, node.values))
        case ast.UnaryOp(op=ast.Not()):
            yield "not removed", node.operand
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            yield "constant + 1", like(node, ast.Constant(number + 1))
        case ast.Call():
            yield from fewer_arguments(node)
        case ast.IfExp():
            for value in (True, False):
                yield f"if always {value}", like(node, ast.IfExp(ast.Constant(value), node.body, node.orelse))
        case ast.ExceptHandler() if not isinstance(node.body[0], ast.Raise):
            dropped = ast.ExceptHandler(node.type, node.name, [ast.Raise(None, None)])
            yield "handler dropped", like(node, dropped)
        case ast.stmt() if inside:
            yield from other_statements(node)


def fewer_arguments(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    """Without each keyword, or without the last of several arguments; a phrase is a message and stays."""
    for at, keyword in enumerate(node.keywords):
        if keyword.arg is not None and not is_phrase(keyword.value):
            kept = node.keywords[:at] + node.keywords[at + 1 :]
            yield "argument dropped", like(node, ast.Call(node.func, node.args, kept))
    last = node.args[-1] if len(node.args) > 1 and not node.keywords else None
    if last is not None and not isinstance(last, ast.Starred) and not is_phrase(last):
        yield "argument dropped", like(node, ast.Call(node.func, node.args[:-1], []))


def is_phrase(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def other_statements(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """A condition that is decided, a result that is lost, a statement that is left out."""
    match node:
        case ast.If():
            for value in (True, False):
                yield f"if always {value}", like(node, ast.If(ast.Constant(value), node.body, node.orelse))
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and not value.value):
            yield "return None", like(node, ast.Return(ast.Constant(None)))
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "statement deleted", like(node, ast.Pass())
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break() | ast.Delete() | ast.Assert():
            yield "statement deleted", like(node, ast.Pass())


def like(node: ast.AST, new: ast.AST) -> ast.AST:
    return ast.fix_missing_locations(ast.copy_location(new, node))


def shown(node: ast.AST, new: ast.AST) -> tuple[str, str]:
    """The first line of both texts, of a handler also its body, from a little before the place where they differ."""
    lines = 2 if isinstance(node, ast.ExceptHandler) else 1
    before, after = (" ".join(" ".join(ast.unparse(each).split("\n")[:lines]).split()) for each in (node, new))
    same = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), WIDTH)
    start = 0 if max(len(before), len(after)) <= WIDTH else max(0, same - WIDTH // 2)
    first, second = (("…" if start else "") + text[start : start + WIDTH] for text in (before, after))
    return first, second
