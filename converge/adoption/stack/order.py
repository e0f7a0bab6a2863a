"""What a container waits for, without circles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from converge.adoption import loose
from converge.adoption.stack.layers import Container


def needs(
    containers: Iterable[Container], known: Collection[str]
) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Container -> those of `depends_on` that are `known`; and the pairs that are left out as they make a circle."""
    found: dict[str, list[str]] = {}
    circles: list[tuple[str, str]] = []
    for each in containers:
        found[each.name] = []
        for other in dict.fromkeys(_said(each)):
            if other not in known:
                continue
            if other == each.name or each.name in _reached(other, found):
                circles.append((each.name, other))
            else:
                found[each.name].append(other)
    return found, circles


def _said(container: Container) -> Iterator[str]:
    for value, _ in container.all("depends_on"):
        yield from list(loose.table(value)) or loose.texts(value)


def _reached(start: str, found: dict[str, list[str]]) -> set[str]:
    """All that a container waits for, so far."""
    reached: set[str] = set()
    later = [start]
    while later:
        name = later.pop()
        if name not in reached:
            reached.add(name)
            later += found.get(name, [])
    return reached
