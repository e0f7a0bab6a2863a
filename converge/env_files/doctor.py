"""What doctor says of the declared `.env` files: whether each is there, and what a missing one should have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from converge.context import ConvergeContext
from converge.env_files import files
from converge.errors import DevError
from converge.steps import Item
from facts import git
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.value import Unknown, dataclass

NAMED = 12
"""Names that one hint lists."""


@dataclass(frozen=True)
class Look:
    """One file: `problem` where it is there and cannot be read, else `missing` with what its example says."""

    missing: bool = False
    problem: str = ""
    at: str = ""
    example: str = ""
    names: tuple[str, ...] = ()


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """`env.dotenv`: path -> Look; `env.ignored`: which of the missing ones git ignores. None where none is declared."""
    checkout, wanted = context.instance.checkout, _wanted(context)
    if not wanted:
        return []
    looks = LocalProbe("env.dotenv", lambda: {each.path: _look(checkout, each, context) for each in wanted})
    return [looks, git.ignored("env.ignored", checkout, [each.path for each in wanted])]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One item for each file."""
    wanted = _wanted(context)
    looks = observation["env.dotenv"] if wanted else {}
    for each in wanted:
        key, source = f"env.{each.path}", context.loaded.source(each.key)
        if isinstance(looks, Unknown):
            yield Item(key, "env", "unknown", "?", "readable", looks.because, source=source)
            continue
        look = looks[each.path]
        if look.missing:
            ignored = observation["env.ignored"]
            because = (
                "git ignores it, so each machine has its own"
                if not isinstance(ignored, Unknown) and each.path in ignored
                else "git does not ignore it: perhaps it was not committed"
            )
            yield Item(
                key, "env", "manual", "absent", "a file", because, _hint(each.path, look), source, "env-file-missing"
            )
        elif look.problem:
            hint = "write NAME=VALUE, as in an env_file of Docker Compose"
            yield Item(key, "env", "manual", "not readable", "a file", look.problem, hint, look.at, "env-file")
        else:
            yield Item(key, "env", "ok", "there", "a file", source=source)


def _wanted(context: ConvergeContext) -> list[files.Declared]:
    """Each file once."""
    return list({each.path: each for each in files.declared(context.desired)}.values())


def _look(checkout: Path, file: files.Declared, context: ConvergeContext) -> Look:
    try:
        files.read(checkout, file, context.loaded.source(file.key), {})
    except DevError as problem:
        if problem.code != "env-file-missing":
            return Look(problem=problem.because, at=problem.source)
    else:
        return Look()
    example, names = files.example(checkout, file.path) if context.loaded.trusted else ("", ())
    return Look(missing=True, example=example, names=names)


def _hint(path: str, look: Look) -> str:
    if not look.example:
        return f"write {path} with NAME=VALUE lines; the README of the project may say which"
    more = f" and {len(look.names) - NAMED} more" if len(look.names) > NAMED else ""
    listed = f": {', '.join(look.names[:NAMED])}{more}" if look.names else ""
    return f"cp {look.example} {path}, and check its values{listed}"
