"""What a service's lock file is now, and for which one its dependencies were installed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from facts.probe import Probe


@dataclass(frozen=True)
class Installed:
    """`stamp` is what the last install left (empty: none, or what it installed is gone); `lock` is its sha256."""

    stamp: str = ""
    lock: str = ""


def probe(name: str, lock: Path, stamp: Path, there: Path) -> Probe:
    """`dependencies.NAME`; `there` is what must exist for the stamp to count."""
    at, mark, place = (shlex.quote(str(path)) for path in (lock, stamp, there))
    sh = f"""[ -e {at} ] || {{ echo absent; exit; }}; [ -e {place} ] && read -r stamp <{mark}; echo "${{stamp:-}}"
sha256sum {at} || shasum -a 256 {at}"""
    return Probe(f"dependencies.{name}", sh, _parse)


def _parse(text: str) -> Installed:
    lines = text.strip().splitlines()
    if lines == ["absent"]:
        return Installed()
    digest = lines[-1].split(" ")[0].lstrip("\\") if lines else ""
    if len(digest) != 64:
        raise ValueError("no hash")
    return Installed(lines[0] if len(lines) > 1 else "", digest)
