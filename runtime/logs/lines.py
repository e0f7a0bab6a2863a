"""Lines of a log as values: rows of a file are put together and split at line feeds alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

Stream = Literal["output", "migrate", "build", "dev", "container"]
MARKS: dict[str, Stream] = {"|": "output", "m": "migrate", "b": "build", "!": "dev", "c": "container"}
"""Mark of a row (see writer.py) -> its stream."""
EARLIEST = "0001-01-01T00:00:00.000Z"


class Line(NamedTuple):
    """One line of a component, or the part of a line that was not shown before."""

    stamp: str
    """Time of its output: UTC, ISO 8601 with milliseconds."""
    component: str
    text: str
    stream: Stream = "output"
    begun: str = ""
    """The earlier part of the line, which was given already."""
    ended: bool = True
    """False for the beginning of a line, for example a prompt."""
    order: str = ""
    """Sorts lines of several components: the stamp, but never before an earlier line of the same component."""

    @property
    def whole(self) -> str:
        """The line from its beginning."""
        return self.begun + self.text


class Parser:
    """Makes lines from the rows of one component, in their order. It keeps the start of incomplete lines."""

    def __init__(self, component: str) -> None:
        self.component = component
        self._begun: dict[Stream, list[tuple[str, str]]] = {}
        """Stream -> stamp and text of each part of its line that is not given yet."""
        self._given: dict[Stream, str] = {}
        """Stream -> the part of its incomplete line that was given."""
        self._latest = EARLIEST

    def lines(self, block: bytes) -> Iterator[Line]:
        """The lines of whole rows; an incomplete line waits for `parts` or for its end."""
        rows = block.decode("utf-8", "replace").split("\n")
        if not rows[-1]:
            rows.pop()
        return self.of_rows(rows)

    def of_rows(self, rows: Iterable[str]) -> Iterator[Line]:
        """The same for rows that are split already."""
        for row in rows:
            stamp, _, rest = row.partition(" ")
            mark, _, text = rest.partition(" ")
            if len(stamp) != 24 or stamp[-1] != "Z" or not stamp[:4].isdigit():
                stamp, mark, text = self._latest, "!", row  # output of the shim itself, for example a traceback
            if mark == "=":
                continue
            if stamp > self._latest:
                self._latest = stamp
            stream = MARKS.get(mark[:1], "output")
            if mark[1:2] == "~":
                self._begun.setdefault(stream, []).append((stamp, text))
            elif stream in self._begun or stream in self._given:
                yield self._joined(stream, stamp, text)
            else:
                text = text[:-1] if text.endswith("\r") else text
                yield Line(stamp, self.component, text, stream, order=self._latest)

    def parts(self) -> Iterator[Line]:
        """The beginnings of incomplete lines, as far as they were not given."""
        for stream, parts in self._begun.items():
            given, text = self._given.get(stream, ""), "".join(part for _, part in parts)
            yield Line(parts[0][0], self.component, text, stream, given, False, self._latest)
            self._given[stream] = given + text
        self._begun.clear()

    def _joined(self, stream: Stream, stamp: str, text: str) -> Line:
        """The line that ends here."""
        parts, given = [*self._begun.pop(stream, []), (stamp, text)], self._given.pop(stream, "")
        whole = "".join(part for _, part in parts).removesuffix("\r")
        return Line(parts[0][0], self.component, whole, stream, given, order=self._latest)
