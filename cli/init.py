"""`./dev init`: write a first desired state from what is in a repository already."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Option
from cli.where import FILE
from converge import atomic
from converge.adoption import compared, proposal, text
from converge.adoption.draft import Draft, Entry
from converge.errors import DevError, Exit
from facts import regular

MOST = 30
"""Notes that are shown; --json has all of them."""


def run(
    context: Context,
    check: Annotated[bool, Option("--check", help="Write nothing; exit 2 if the files say what it does not.")] = False,
    yes: Annotated[bool, Option("--yes", help="Write it without a question.")] = False,
    json: Annotated[bool, Option("--json", help="Print what was found as JSON.")] = False,
) -> int:
    """Read Compose files, lock files, versions, source and scripts, and write desired_state.toml.

    Each of its lines says which file and line it is from; a guess is marked. Where there is one already nothing is
    written, and what the files say otherwise is shown. No other file is made or changed.
    """
    root = _root(context.directory)
    draft, path = proposal.of(root), root / FILE
    if os.path.lexists(path):
        return _again(draft, path, check, json)
    shown, _ = text.written(draft)
    if json:
        render.document({"root": str(root), "text": shown, "entries": _entries(draft), "notes": _notes(draft)})
    else:
        _tell(draft, root)
    if check:
        render.say(f"there is no {FILE}: ./dev init writes one", "yellow")
        return int(Exit.DRIFT)
    if not yes and not _agreed(shown, path, json):
        return int(Exit.NEEDS_HUMAN)
    atomic.write(path, shown, mode=0o666)
    render.say(f"wrote {path}: read it, it is yours", "green")
    render.say("next: ./dev lock (pins the tools), ./dev start, and ./dev upgrade for a launcher to commit")
    return int(Exit.OK)


def _root(named: Path | None) -> Path:
    """The directory of -C, else the nearest one upwards with a desired state, else the current one."""
    try:
        here = (named or Path.cwd()).resolve(strict=True)
        if not here.is_dir():
            raise NotADirectoryError(20, "it is not a directory")
    except OSError as problem:
        raise DevError(
            "no-checkout", f"{named or 'the current directory'} cannot be used", because=problem.strerror or "",
            hint="cd to the repository, or name its directory with -C", exit=Exit.USAGE,
        ) from None  # fmt: skip
    if named:
        return here
    return next((each for each in (here, *here.parents) if os.path.lexists(each / FILE)), here)


def _agreed(shown: str, path: Path, json: bool) -> bool:
    """Whether a person wants it written; without a terminal it is printed instead."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if not json:
            render.out(shown.removesuffix("\n"))
        render.say(f"{path} was not written, as there is no terminal for a question: --yes writes it", "yellow")
        return False
    return render.ask(f"Write {path}?")


def _tell(draft: Draft, root: Path) -> None:
    """What was found, on the screen."""
    render.say(f"{root}: what its files say", "bold")
    for entry in draft.entries:
        if entry.table in ("infra", "services"):
            render.say(f"  {entry.name:24} {_summary(entry)}  ({entry.source})", *(["yellow"] if entry.off else []))
    lines = [line for entry in draft.entries if not entry.off for line in entry.lines]
    guesses, left = sum(bool(line.guess) for line in lines), sum(bool(line.off) for line in lines)
    if guesses or left:
        render.say(f"  {guesses} values are guesses, {left} were left as comments: look for them in the file")
    for note in draft.notes[:MOST]:
        render.say(f"  {text.plain(note.source)}: {text.plain(note.said)}", "dim")
    if len(draft.notes) > MOST:
        render.say(f"  and {len(draft.notes) - MOST} more, see --json", "dim")


def _summary(entry: Entry) -> str:
    """One component in one line."""
    if entry.off:
        return f"left as a comment: {'; '.join(entry.questions)}"
    port, kind = entry.said("port"), str(entry.said("kind") or "")
    words = (kind, entry.of if entry.table == "services" else "", f"port {port}" if port else "")
    return " ".join(word for word in words if word)


def _again(draft: Draft, path: Path, check: bool, json: bool) -> int:
    """Show what the files say otherwise than the desired state that is there."""
    changes = compared.of(draft, regular.content(path), FILE)
    if json:
        shown = [{"key": each.key, "before": each.before, "after": list(each.after)} for each in changes]
        render.document({"root": str(path.parent), "changes": shown, "notes": _notes(draft)})
    elif not changes:
        render.say(f"{path} has all that the files of the repository say", "green")
    for each in () if json else changes:
        render.out(f"{FILE}: {each.key}")
        for line in (f"- {each.before}",) if each.before else ():
            render.out(render.style(line, "red", stream=sys.stdout), colours=True)
        for line in each.after:
            render.out(render.style(f"+ {line}", "green", stream=sys.stdout), colours=True)
    if changes and not json:
        render.say(f"nothing was written: take what is right into {path}. A line without a `file:line` behind it is")
        render.say("never compared, and neither is an entry that is there as a comment.")
    return int(Exit.DRIFT if check and changes else Exit.OK)


def _entries(draft: Draft) -> list[dict[str, object]]:
    return [
        {
            "table": entry.table, "name": entry.name, "source": entry.source, "off": entry.off,
            "questions": list(entry.questions),
            "lines": [
                {"key": line.key, "value": line.value, "sources": list(line.sources), "guess": line.guess,
                 "others": list(line.others), "off": line.off}
                for line in entry.lines
            ],
        }
        for entry in draft.entries
    ]  # fmt: skip


def _notes(draft: Draft) -> list[dict[str, str]]:
    return [{"source": note.source, "said": note.said} for note in draft.notes]
