"""What git says about a checkout: whether it is one, and where its hooks are."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from facts import surroundings
from facts.probe import Probe
from facts.value import Unknown, dataclass

NONE = "not a git repository"
"""What git says (LC_ALL=C) where there is none, but also of a damaged one: then there is a `.git`."""


SAFE = ("--no-pager", "-c", "core.fsmonitor=false")
"""Options with which git does not run the pager and the monitor of files that the configuration of a repository names.
"""


def argv(checkout: Path, *words: str) -> list[str]:
    """How git is called for a look: without hooks, monitor, pager and other programs of the repository."""
    return ["git", *SAFE, "-c", "core.hooksPath=/dev/null", "-C", str(checkout), *words]


def environment() -> dict[str, str]:
    """The environment of such a call: git takes no lock, asks nothing, and a hook's GIT_DIR leads it nowhere else."""
    return {**surroundings.own(), "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


@dataclass(frozen=True)
class Repository:
    """`hooks_path` is `core.hooksPath`; None where it is not set."""

    exists: bool
    hooks_path: str | None = None


def probe(checkout: Path) -> Probe:
    """`git`: the Repository at the checkout; Unknown with git's own words where git cannot read it."""
    at, git = shlex.quote(str(checkout)), f"GIT_OPTIONAL_LOCKS=0 git {shlex.join(SAFE)}"
    sh = f"""said=$({git} -C {at} rev-parse --is-inside-work-tree 2>&1); code=$?
if [ $code = 0 ]; then
echo "$said"; [ "$said" != true ] || {git} -C {at} config core.hooksPath 2>&1 || echo "code $?"; exit; fi
up={at}; while [ "$up" != / ] && [ "$up" != . ] && ! [ -e "$up/.git" ]; do up=$(dirname "$up"); done
if [ -e "$up/.git" ]; then echo damaged; else echo false; fi; echo "$said\""""
    return Probe("git", sh, _parse)


def ignored(name: str, checkout: Path, paths: Sequence[str]) -> Probe:
    """`NAME`: those of the paths that are missing, and that git ignores; git is asked of missing ones alone."""
    at, git = shlex.quote(str(checkout)), f"GIT_OPTIONAL_LOCKS=0 git {shlex.join(SAFE)}"
    lines = [
        f"[ -e {shlex.quote(str(checkout / path))} ] || ! {git} -C {at} check-ignore -q -- {shlex.quote(path)} "
        f"2>/dev/null || echo {index}"
        for index, path in enumerate(paths)
    ]
    numbers = {str(index): path for index, path in enumerate(paths)}

    def parse(text: str) -> tuple[str, ...]:
        if strange := [word for word in text.split() if word not in numbers]:
            raise ValueError(f"{strange[0]!r} is not a number of a path")
        return tuple(numbers[word] for word in text.split())

    return Probe(name, "\n".join([*lines, ":"]), parse)


def _parse(text: str) -> Repository | Unknown:
    inside, *rest = text.strip().splitlines() or [""]
    words = next((line for line in rest if "fatal:" in line), rest[0] if rest else "no answer")
    if inside == "true":
        return _configured(rest)
    if inside == "false" and (not rest or NONE in words or "not found" in words):
        return Repository(False)
    return Unknown(f"git says: {words.removeprefix('fatal: ')}")


def _configured(rest: list[str]) -> Repository | Unknown:
    """What `git config` said: a value; nothing and 1 where it is not set; words and another code where it failed."""
    code = int(rest[-1].removeprefix("code ")) if rest and rest[-1].startswith("code ") else 0
    if code > 1:
        return Unknown(f"git says: {rest[0].removeprefix('fatal: ')}")
    return Repository(True, rest[0] if rest and not code else None)
