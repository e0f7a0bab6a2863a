"""A value behaves as the dataclass of the standard library with the same text, also for its functions."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from facts import value

CLASSES = {
    "frozen": "@dataclass(frozen=True)\nclass V:\n a: int\n b: str = 'x'\n",
    "changeable": "@dataclass\nclass V:\n a: int\n b: str = 'x'\n",
    "by name": "@dataclass(frozen=True, kw_only=True)\nclass V:\n b: str = 'x'\n a: int\n",
    "one field": "@dataclass(frozen=True)\nclass V:\n a: Any\n",
    "no fields": "@dataclass(frozen=True)\nclass V:\n 'Nothing.'\n",
    "own default for each": "@dataclass(frozen=True)\nclass V:\n a: int = 1\n b: list = field(default_factory=list)\n",
    "not compared": "@dataclass(frozen=True)\nclass V:\n a: int\n b: str = field(default='x', compare=False)\n",
    "not shown": "@dataclass(frozen=True)\nclass V:\n a: int\n b: str = field(default='x', repr=False)\n",
    "made afterwards": (
        "@dataclass\nclass V:\n a: int\n b: int = field(init=False)\n c: int = field(init=False, default=7)\n"
        " d: list = field(init=False, default_factory=list)\n"
        " def __post_init__(self):\n  self.b = self.a * 2\n"
    ),
    "of the class": "@dataclass(frozen=True)\nclass V:\n a: int\n b: ClassVar[str] = 'x'\n c: typing.ClassVar = 2\n",
    "own methods": (
        "@dataclass(frozen=True)\nclass V:\n a: int\n b: str = 'x'\n def __repr__(self):\n  return 'mine'\n"
        " def __eq__(self, other):\n  return True\n def __hash__(self):\n  return 1\n"
    ),
    "own equality": "@dataclass(frozen=True)\nclass V:\n a: int\n def __eq__(self, other):\n  return True\n",
    "kept result": "@dataclass(frozen=True)\nclass V:\n a: int\n @cached_property\n def b(self):\n  return [self.a]\n",
    "inherits": (
        "@dataclass(frozen=True)\nclass Base:\n a: int\n b: str = 'x'\n"
        "@dataclass(frozen=True)\nclass V(Base):\n a: str\n c: int = 3\n"
    ),
    "not decorated itself": "@dataclass(frozen=True)\nclass Base:\n a: int\n b: str = 'x'\nclass V(Base):\n c = 1\n",
    "generic": "T = TypeVar('T')\n@dataclass(frozen=True)\nclass V(Generic[T]):\n a: T\n b: str = 'x'\n",
    "order of defaults": "@dataclass\nclass V:\n a: int = 1\n b: str\n",
    "default that can change": "@dataclass\nclass V:\n a: list = []\n",
    "default of what is in another": "@dataclass\nclass V:\n a: Any = (1, 2)\n b: object = None\n",
}
EXPRESSIONS = """
V(1) | V(1, 'y') | V(a=1) | V(b='y', a=1) | V('é', b=2) | V() | V(1, 2, 3, 4, 5) | V(1, a=2) | V(1, other=2)
V.a | V.b | V.c | V.__match_args__ | V.__hash__ is None
V(1) == V(1) | V(1) == V(1.0) | V(1) == V(2) | V(1) == 1 | V(1) == (1, 'x') | V(1) == sub(V)(1)
V(1) != V(1) | V(1).__eq__(1) | V(1, 'x') == V(1, 'y') | hash(V(1)) == hash(V(1)) | hash(V(1, 'x')) == hash(V(1, 'y'))
len({V(1), V(1), V(2)}) | hash(V([])) | hash(V(1)) == hash((1, 'x')) | V(1) < V(2)
set_(V(1), 'a', 2) | set_(V(1), 'b', 2) | set_(V(1), 'new', 2) | set_(sub(V)(1), 'a', 2) | set_(sub(V)(1), 'new', 2)
delete(V(1), 'a') | delete(V(1), 'new') | delete(sub(V)(1), 'a') | V(1).b | V(1).c | V(a=1).b is V(a=1).b
list(vars(V(1)).items()) | list(vars(V(b='y', a=1))) | dir(V(1)) and sorted(vars(V(1)))
replace(V(1), a=2) | replace(V(1), b='y') | replace(V(1)) | replace(V(1), other=2) | replace(replace(V(1), a=2), a=3)
stdlib.replace(V(1), a=2) | stdlib.replace(V(1), other=2) | stdlib.asdict(V([V(1)])) | stdlib.astuple(V(1))
stdlib.is_dataclass(V) | stdlib.is_dataclass(V(1)) | [about(f) for f in stdlib.fields(V)] | stdlib.fields(V(1))[0].name
V.__dataclass_params__.frozen | copy.copy(V(1)) | copy.deepcopy(V([])) | pickle.loads(pickle.dumps(V([1])))
matched(V(1, 'y')) | repr(V(V(1))) | repr(within(V([]))) | f'{V(1)}' | str(V('a'))
stdlib_below(V)(1) | stdlib_below(V)(1) == V(1) | [f.name for f in stdlib.fields(stdlib_below(V))]
"""


def sub(cls: type) -> type:
    return type("Sub", (cls,), {})


def stdlib_below(cls: type) -> Any:
    """A dataclass of the standard library that inherits from the class."""
    frozen: bool = cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return dataclasses.make_dataclass("Below", [("e", int, 5)], bases=(cls,), frozen=frozen)


def set_(one: Any, name: str, new: object) -> object:
    setattr(one, name, new)
    return getattr(one, name), one


def delete(one: Any, name: str) -> object:
    delattr(one, name)
    return one


def within(one: Any) -> object:
    """The value inside itself."""
    one.a.append(one)
    return one


def matched(one: Any) -> object:
    match one:
        case object(a=a, b=b):
            return a, b
    return None


def about(each: Any) -> tuple[object, ...]:
    """What a field of the standard library says."""
    made = None if each.default_factory is dataclasses.MISSING else each.default_factory
    default = "none" if each.default is dataclasses.MISSING else each.default
    return each.name, each.type, default, made, each.init, each.repr, each.compare, each.kw_only


@pytest.fixture
def modules() -> Iterator[Callable[[ModuleType, str], dict[str, Any]]]:
    """Runs a text with the words of `dataclasses` or of `facts.value`, as a module: pickle looks there for classes."""
    made: list[str] = []

    def run(words: ModuleType, text: str) -> dict[str, Any]:
        module = ModuleType(f"values_of_{words.__name__.replace('.', '_')}")
        sys.modules[module.__name__] = module
        made.append(module.__name__)
        space = vars(module)
        space |= {"dataclass": words.dataclass, "field": words.field, "replace": words.replace}
        space |= {"stdlib": dataclasses, "copy": copy, "pickle": pickle, "about": about, "set_": set_, "sub": sub}
        space |= {"delete": delete, "within": within, "matched": matched, "stdlib_below": stdlib_below}
        head = "from __future__ import annotations\nimport typing\nfrom functools import cached_property\n"
        exec(head + "from typing import Any, ClassVar, Generic, TypeVar\n" + text, space)
        return space

    yield run
    for name in made:
        sys.modules.pop(name, None)


def outcome(space: dict[str, Any] | Exception, expression: str) -> str:
    """What the expression gives as text, or its error; which one of TypeError and ValueError depends on the Python."""
    try:
        if isinstance(space, Exception):
            raise space
        return re.sub(r"0x[0-9a-f]+", "0x…", repr(eval(expression, space)))
    except (TypeError, ValueError):
        return "a refusal"
    except Exception as problem:
        return type(problem).__name__


@pytest.mark.parametrize("text", CLASSES.values(), ids=CLASSES)
def test_a_value_is_what_a_dataclass_is(modules: Callable[[ModuleType, str], dict[str, Any]], text: str) -> None:
    expected: dict[str, str] = {}
    found: dict[str, str] = {}
    for words, told in ((dataclasses, expected), (value, found)):
        for expression in EXPRESSIONS.replace("\n", "|").split("|"):
            if expression.strip():
                try:
                    space: dict[str, Any] | Exception = modules(words, text)
                except Exception as problem:
                    space = problem
                told[expression.strip()] = outcome(space, expression.strip())
    assert found == expected
    assert len(found) > 60
