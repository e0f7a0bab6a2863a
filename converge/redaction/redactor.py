"""What must not leave this machine, taken out of any text: values known to be secret, and whatever looks like one.

`shown` is for what a person or a program reads: it hides known values and what has the form of a secret. `text` and
`document` are for what is given to others, and hide too much rather than too little: also what stands behind a name
that looks secret. What they cannot find: a secret that is not declared, has a harmless name and no special form; and
a part of a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from converge.redaction import patterns
from converge.redaction.assignments import HARMLESS, Assignments
from converge.redaction.forms import Finder
from converge.redaction.patterns import MASK
from facts.value import dataclass

LINE = 8
"""Characters that a line of a known value has at least to be hidden alone: logs break lines."""


@dataclass(frozen=True)
class Redactor:
    """Hides what is secret on one machine."""

    values: frozenset[str] = frozenset()
    """Known secrets; one that is shorter than `forms.SHORTEST`, or is `forms.COMMON`, is hidden only behind its name."""
    names: frozenset[str] = frozenset()
    """Variables that hold a secret, whatever they are called."""
    prefixes: frozenset[str] = frozenset()
    """How generated secrets begin."""
    public: frozenset[str] = frozenset()
    """Words of the desired state, as `postgres`: a value that is one of them is hidden only behind its name."""

    def shown(self, text: str) -> str:
        """The text without known secrets, and without what has the form of one."""
        return patterns.certain(self._without_known(text))

    def shown_value(self, value: Any) -> Any:
        """A JSON value whose texts are `shown`."""
        if isinstance(value, Mapping):
            return {self.shown(str(key)): self.shown_value(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.shown_value(each) for each in value]
        return self.shown(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """The text without its secrets, for others."""
        text = patterns.named(self.shown(text))
        if self._prefixed:
            text = patterns.compiled(self._prefixed).sub(MASK, text)
        return self._assignments.hide(text)

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value without its secrets, for others; below a key that names one, all text is hidden."""
        secret = bool(name) and self.secret(name)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(each, name if secret else str(key)) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return self._list(value, name if secret else "")
        if value is None or isinstance(value, bool):
            return value
        if secret:
            return value if str(value).lower() in HARMLESS else MASK
        if isinstance(value, str):
            return self._whole(value)
        return MASK if str(value) in self.values else value

    def document(self, text: str) -> str:
        """A text that may be one JSON document: then its structure says what is secret too."""
        try:
            value = json.loads(text)
        except ValueError:
            return self.text(text)
        return json.dumps(self.value(value), indent=2, ensure_ascii=False) + "\n"

    def secret(self, name: str) -> bool:
        """Whether a variable or key of that name holds something secret."""
        return name in self.names or patterns.secret_name(name)

    def _without_known(self, text: str) -> str:
        spans = sorted(self._finder.spans(text))
        if not spans:
            return text
        pieces, at = [], 0
        for begin, end in spans:
            if begin >= at:
                pieces += [text[at:begin], MASK]
            at = max(at, end)
        return "".join([*pieces, text[at:]])

    def _list(self, values: Iterable[Any], name: str) -> list[Any]:
        """In an argv, the word after `--password` is one."""
        found: list[Any] = []
        for each in values:
            before = found[-1] if found else None
            flag = isinstance(before, str) and patterns.secret_flag(before)
            found.append(MASK if flag and isinstance(each, str) else self.value(each, name))
        return found

    def _whole(self, text: str) -> str:
        """`NAME=VALUE` as one string, as an engine lists environments: all of the value goes."""
        name, equals, value = text.partition("=")
        word = equals and name.replace(".", "").replace("-", "").replace("_", "").isalnum()
        if word and self.secret(name) and value.lower() not in HARMLESS:
            return f"{name}={MASK}"
        return self.text(text)

    @cached_property
    def _finder(self) -> Finder:
        parts = {part for value in self.values for part in _parts(value)}
        return Finder(part for part in parts if part.lower() not in HARMLESS and part not in self.public)

    @cached_property
    def _prefixed(self) -> str:
        words = [re.escape(prefix) for prefix in self.prefixes if len(prefix) >= 2]
        return rf"\b(?:{'|'.join(sorted(words))})[\w.~+/=-]{{12,}}" if words else ""

    @cached_property
    def _assignments(self) -> Assignments:
        return Assignments(self.names)


def _parts(value: str) -> Iterator[str]:
    """The value, each longer line of it, and the password of a URL in it."""
    value = value.strip()
    yield value
    yield from patterns.userinfo(value)
    if "\n" in value:
        yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= LINE)
