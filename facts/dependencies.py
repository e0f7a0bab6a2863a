"""What a service's lock file is now, for which one something was installed, and whether that is still there."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from facts.probe import Probe
from facts.value import dataclass


@dataclass(frozen=True)
class Installed:
    """`stamp` is what the last install left (empty: none, or what it installed is gone); `lock` is its sha256."""

    stamp: str = ""
    lock: str = ""
    missing: int | None = None
    """How many files and directories of those counted after the install are gone; None where none were counted."""


def probe(
    name: str, locks: Sequence[Path], stamp: Path, there: Collection[str] = (), contents: Collection[str] = ()
) -> Probe:
    """`dependencies.NAME`; one of `there` must exist for the stamp to count, and as much that fits `contents` as it
    says. The first of `locks` decides whether there is a lock file; all of them are in its hash."""
    at, mark = shlex.quote(str(locks[0])), shlex.quote(str(stamp))
    every = " ".join(shlex.quote(str(path)) for path in locks)
    one = " || ".join(f"[ -e {shlex.quote(str(path))} ]" for path in there) or ":"
    patterns = " ".join("*".join(shlex.quote(part) for part in pattern.split("*")) for pattern in contents)
    sh = f"""[ -f {at} ] || {{ echo absent; exit; }}
[ -r {at} ] || {{ echo unreadable; exit; }}
{{ {one}; }} && [ -f {mark} ] && {{ read -r stamp; read -r counted; }} <{mark}
echo "${{stamp:-}}"; n=0; for each in {patterns}; do [ -e "$each" ] && n=$((n+1)); done
[ -z "$counted" ] || echo "there $n of $counted"; cat {every} 2>/dev/null | {{ sha256sum || shasum -a 256; }}"""
    return Probe(f"dependencies.{name}", sh, _parse)


def count(contents: Collection[str]) -> int:
    """How much there is now that fits the patterns."""
    return sum(os.path.exists(path) for pattern in contents for path in glob.glob(pattern))


def _parse(text: str) -> Installed:
    lines = text.strip().splitlines()
    if lines == ["absent"]:
        return Installed()
    digest = lines[-1].split(" ")[0].lstrip("\\") if lines else ""
    if len(digest) != 64:
        raise ValueError("no hash")
    counted = re.fullmatch(r"there (\d+) of (\d+)", lines[-2]) if len(lines) > 1 else None
    missing = max(0, int(counted[2]) - int(counted[1])) if counted else None
    stamp = lines[0] if len(lines) > (2 if counted else 1) else ""
    return Installed(stamp, digest, missing)
