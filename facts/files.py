"""What is at a path: nothing, a directory, or a file with a hash; and its permission bits."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

from facts.probe import LocalProbe, Probe
from facts.value import dataclass

LARGEST = 64_000_000
"""Bytes of a file whose hash is computed; no managed file is larger, as its content is in the desired state."""
SMALL = 4096
"""Bytes of a file that holds a word."""
LARGER = "0" * 64
"""Stands for the hash of a larger file."""
CLOSED = "-" * 64
"""Stands for the hash of a file that this user may not read."""


@dataclass(frozen=True)
class Entry:
    """`mode` as octal digits ("644"); `sha256` of a regular file, empty for anything else."""

    kind: Literal["absent", "file", "directory", "other"]
    mode: str = ""
    sha256: str = ""


def probe(name: str, path: Path) -> Probe:
    """`NAME`: the Entry at the path."""
    at = shlex.quote(str(path))
    sh = f"""if [ -d {at} ]; then echo directory; elif [ -f {at} ]; then echo file
elif [ -e {at} ]; then echo other; else echo absent; exit; fi
ls -ld {at}; set -f; set -- $(ls -ldnL {at})
if [ ! -f {at} ]; then :; elif [ ! -r {at} ]; then echo {CLOSED}; elif [ "$5" -gt {LARGEST} ]; then echo {LARGER}
else sha256sum {at} || shasum -a 256 {at}; fi"""
    return Probe(name, sh, _parse)


def way(name: str, base: Path, path: Path) -> LocalProbe:
    """`NAME`: the first directory on the way from the base to the path that is a link; empty if none is."""
    between = [path, *path.parents][: len(path.relative_to(base).parts)]
    return LocalProbe(name, lambda: next((str(each) for each in reversed(between) if each.is_symlink()), ""))


def text(name: str, path: Path) -> Probe:
    """What a small file holds, without white space around it; empty where there is none, and not a regular one."""
    at = shlex.quote(str(path))
    return Probe(name, f"[ -f {at} ] && head -c {SMALL} {at}; true", str.strip)


def _parse(text: str) -> Entry:
    kind, *rest = text.split("\n")
    if kind == "absent":
        return Entry("absent")
    letters = rest[0].split(" ")[0] if rest else ""
    if kind not in ("file", "directory", "other") or len(letters) < 10:
        raise ValueError("no entry")
    sha256 = next((digest for line in rest[1:] if len(digest := line.split(" ")[0].lstrip("\\")) == 64), "")
    if kind == "file" and not sha256:
        raise ValueError("it cannot be read")
    return Entry(kind, octal(letters), sha256)  # type: ignore[arg-type]


def octal(letters: str) -> str:
    """`-rw-r--r--` as `644`; sticky and set-id letters count as the bit below them."""
    bits = "".join("0" if letter in "-ST" else "1" for letter in letters[1:10])
    return "".join(str(int(bits[i : i + 3], 2)) for i in (0, 3, 6))
