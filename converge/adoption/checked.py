"""Makes a draft that loads: what the checks of the desired state refuse is written as a comment, with the reason."""

from __future__ import annotations

from pathlib import Path

from converge import schema
from converge.adoption import called, text
from converge.adoption.draft import Draft
from converge.errors import DevError
from converge.files_read import FilesRead
from facts.value import replace


def loading(draft: Draft, checkout: Path) -> Draft:
    """The draft without what would be refused. The error itself, if no line of the draft is the reason for it."""
    while True:
        draft = called.declared(draft)
        shown, places = text.written(draft)
        try:
            schema.parse(shown.encode(), files=FilesRead(checkout))
        except DevError as problem:
            file, _, line = problem.source.rpartition(":")
            place = places.get(int(line)) if file == schema.FILE and line.isdigit() else _compose(draft, problem)
            if place is None:
                raise
            draft = _without(draft, place, problem)
        else:
            return draft


def _compose(draft: Draft, problem: DevError) -> text.Place | None:
    """The entry that names the team's Compose file, where a line of that file is the reason."""
    if problem.code != "compose-file":
        return None
    return next(((number, None) for number, each in enumerate(draft.entries) if each.table == "compose"), None)


def _without(draft: Draft, place: text.Place, problem: DevError) -> Draft:
    """The line, or the whole entry, as a comment. What is a comment already is not the reason: then the error."""
    number, inner = place
    entries, because = list(draft.entries), problem.because or problem.what
    entry = entries[number]
    if entry.off or (inner is not None and entry.lines[inner].off):
        raise problem
    if inner is None or entry.lines[inner].key == "kind":
        hint = f" ({problem.hint})" if problem.hint else ""
        entries[number] = replace(entry, off=True, questions=(*entry.questions, f"{problem.what}: {because}{hint}"))
    else:
        lines = list(entry.lines)
        lines[inner] = replace(lines[inner], off=because)
        entries[number] = entry.with_lines(lines)
    return replace(draft, entries=tuple(entries))
