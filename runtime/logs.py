"""Logs of components: each line has its time, so many files read as one story."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runtime import placements
from runtime.component import Component

PAUSE = 0.15
"""Seconds between looks at files that are followed."""
EACH = 3
"""Looks at files for each question to an engine, which costs both sides more."""


@dataclass(frozen=True, order=True)
class Line:
    """`stamp` is UTC, ISO 8601 with milliseconds, so that lines sort as text."""

    stamp: str
    component: str
    text: str


@dataclass(frozen=True)
class Mark:
    """A moment: what was said before it is kept, what comes after it is followed."""

    stamp: str
    ends: Mapping[Path, tuple[int, int]]
    """Log -> its inode and size."""


def mark(components: Iterable[Component]) -> Mark:
    """Now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"
    return Mark(now, {component.log: _end(component.log) for component in components})


def kept(components: Iterable[Component], since: str = "", until: Mark | None = None) -> list[Line]:
    """Every line kept, the rotated ones too, ordered by time; only from the stamp `since` on and before the mark."""
    lines: list[Line] = []
    for component in components:
        for path in (component.log.with_name(component.log.name + ".1"), component.log):
            try:
                text = _before(path, until.ends[component.log] if until else None)
            except OSError:
                continue
            lines += parse(component.name, text.decode(errors="replace").splitlines())
        boxed = parse(component.name, _boxed(component, since))
        lines += (line for line in boxed if until is None or line.stamp < until.stamp)
    return sorted((line for line in lines if line.stamp >= since), key=lambda line: line.stamp)


def follow(
    components: Sequence[Component], after: Mark, go_on: Callable[[], bool] = lambda: True
) -> Iterator[list[Line]]:
    """Lines after the mark, as they come, ordered within each look. A file that was rotated is read on."""
    places = dict(after.ends)
    seen = {component.name: (after.stamp, 0) for component in components}
    turn = 0
    while go_on():
        fresh: list[Line] = []
        for component in components:
            inode, offset = places[component.log]
            rows, places[component.log] = _more(component.log, inode, offset)
            # what a container said comes to the file when it is taken away: that was shown already
            fresh += [line for line in parse(component.name, rows) if (line.stamp, 1) > seen[component.name]]
            if turn % EACH == 0:
                boxed, seen[component.name] = _fresh(component, *seen[component.name])
                fresh += boxed
        turn += 1
        yield sorted(fresh, key=lambda line: line.stamp)
        time.sleep(PAUSE)


def parse(component: str, rows: Iterable[str]) -> list[Line]:
    """Lines as the shim writes them: time, `|` for what the component said and `!` for what we say about it."""
    found = []
    for row in rows:
        stamp, _, rest = row.partition(" ")
        if stamp.endswith("Z") and stamp[:4].isdigit():
            found.append(Line(stamp, component, rest[2:]))
    return found


def tail(component: Component, lines: int = 8, placement: str = "") -> str:
    """The end of its log, where it runs unless another placement is asked for, indented, for an error."""
    if (placement or placements.where(component)) == "docker":
        rows = _boxed(component, last=lines)
    else:
        try:
            rows = component.log.read_bytes()[-8192:].decode(errors="replace").splitlines()
        except OSError:
            return ""
    return "".join(f"\n    {line[:300]}" for line in rows[-lines:])


def last(component: Component, placement: str) -> str:
    """The last line it said there; empty where it said nothing yet."""
    lines = [line for line in tail(component, 20, placement).splitlines() if line.strip()]
    texts = [line.text.strip() for line in parse(component.name, (line.strip() for line in lines)) if line.text.strip()]
    return texts[-1][:100] if texts else ""


def _boxed(component: Component, since: str = "", last: int | None = None) -> list[str]:
    """What its container said, where it has one."""
    if not component.instance.engine_record.exists():
        return []
    from runtime.placements import docker

    return list(docker.rows(component, since, last))


def _fresh(component: Component, stamp: str, known: int) -> tuple[list[Line], tuple[str, int]]:
    """Its container's lines since the stamp, without the `known` ones of that very millisecond; and where to go on."""
    lines = [line for line in parse(component.name, _boxed(component, stamp)) if line.stamp >= stamp]
    old = sum(line.stamp == stamp for line in lines[:known])
    if not lines:
        return [], (stamp, known)
    newest = lines[-1].stamp
    return lines[old:], (newest, sum(line.stamp == newest for line in lines))


def _end(path: Path) -> tuple[int, int]:
    try:
        about = os.stat(path)
    except OSError:
        return 0, 0
    return about.st_ino, about.st_size


def _before(path: Path, end: tuple[int, int] | None) -> bytes:
    """What the file has up to that end of a log, which may have been rotated since."""
    with open(path, "rb") as file:
        if end is None:
            return file.read()
        if os.fstat(file.fileno()).st_ino == end[0]:
            return file.read(end[1])
        return file.read() if path.suffix == ".1" else b""


def _more(path: Path, inode: int, offset: int) -> tuple[list[str], tuple[int, int]]:
    """Whole lines since the place, and the place after them."""
    try:
        with open(path, "rb") as file:
            now = os.fstat(file.fileno())
            offset = offset if now.st_ino == inode and now.st_size >= offset else 0
            file.seek(offset)
            block = file.read()
    except OSError:
        return [], (0, 0)
    whole = block[: block.rfind(b"\n") + 1]
    return whole.decode(errors="replace").splitlines(), (now.st_ino, offset + len(whole))
