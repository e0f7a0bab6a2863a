"""Managed files and directories of the checkout: whole content and permission bits as declared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.files
from converge import managed_paths
from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine


LINKED = "files-linked"
"""Noun of the facts about links on the way to a managed file."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Two looks per path: at it, and at the directories above it."""
    checkout = context.instance.checkout
    looks: list[AnyProbe] = []
    for path, want in context.desired.files.items():
        place = checkout / managed_paths.normal(path)
        looks.append(facts.files.probe(f"files.{path}", place))
        looks.append(facts.files.way(f"{LINKED}.{path}", checkout, place if want.directory else place.parent))
    return looks


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each path: ok where kind, content and mode are those declared."""
    for path, want in context.desired.files.items():
        key, source, entry = f"files.{path}", context.loaded.source(f"files.{path}"), observation[f"files.{path}"]
        kind, mode = "directory" if want.directory else "file", want.mode.removeprefix("0").rjust(3, "0")
        wanted = f"{kind} {mode}"
        if isinstance(entry, Unknown):
            yield Item(key, "files", "unknown", "?", wanted, entry.because, source=source)
            continue
        found = f"{entry.kind} {entry.mode}".strip()
        linked = observation.get(f"{LINKED}.{path}")
        if linked and isinstance(linked, str):
            because = f"{linked} is a link, and may lead out of the checkout"
            yield Item(key, "files", "manual", found, wanted, because, "make it a directory", source, "bad-path")
            continue
        if entry.kind not in ("absent", kind):
            because, hint = f"there is a {entry.kind} in its place", "move it away"
            yield Item(key, "files", "manual", found, wanted, because, hint, source, "foreign-file")
            continue
        other = not want.directory and entry.sha256 != hashlib.sha256((want.content or "").encode()).hexdigest()
        if not other and entry.mode == mode and entry.kind == kind:
            yield Item(key, "files", "ok", found, wanted, source=source)
            continue
        because = _difference(entry, other)
        change = f"{'make' if entry.kind == 'absent' else 'correct'} {path}"
        args = {"path": managed_paths.normal(path), "content": want.content, "mode": mode}
        step = Step(key, "files", change, because, args=args)
        yield Item(key, "files", "drift", found, wanted, because, source=source, step=step)


def _difference(entry: facts.files.Entry, content: bool) -> str:
    """What is not as declared, as a clause; `content` is whether that differs."""
    if entry.kind == "absent":
        return "it does not exist"
    if entry.sha256 == facts.files.CLOSED:
        return f"its mode {entry.mode} does not let you read it"
    return "its content differs" if content else f"its mode is {entry.mode}"


def apply(step: Step, machine: Machine) -> None:
    """Write it whole, or make the directory."""
    checkout, mode = machine.context.instance.checkout, int(step.args["mode"], 8)
    path = checkout / step.args["path"]
    if step.args["content"] is None:
        machine.make_directory(path, mode, checkout)
    else:
        machine.write(path, step.args["content"].encode(), mode, checkout)
