"""A value that is made with the wrong words says which word is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from facts.value import dataclass


@dataclass(frozen=True)
class Pair:
    """Two values, the second with a default."""

    one: int
    two: int = 2


@pytest.mark.parametrize(
    ("positional", "named", "says"),
    [((), {}, "missing one"), ((), {"two": 1}, "missing one"), ((1, 2, 3), {}, "takes 2 positional arguments but 3"),
     ((1,), {"three": 3}, "unexpected keyword argument 'three'"), ((), {"three": 3}, "argument 'three'"),
     ((1,), {"one": 3}, "multiple values for argument 'one'")],
)  # fmt: skip
def test_the_wrong_word_is_named(positional: tuple[Any, ...], named: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        Pair(*positional, **named)
