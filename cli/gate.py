"""What stands before each command: whether the checkout is of this user, and whether what it says may be run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cli import render
from cli.context import OWN, Context
from converge import trust
from converge.errors import DevError, Exit
from converge.tool import TOOL
from facts import terminal
from facts.value import replace


def _always(values: Mapping[str, Any]) -> bool:
    return True


FREE = ("schema", "reference", "trust", "upgrade", "init")
"""Commands that use no checkout, decide about it, or run nothing of it and read only its file's version."""
LOOKS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "status": _always,
    "doctor": lambda values: not values.get("fix"),
    "logs": _always,
    "facts": _always,
    "env": _always,
    "stop": _always,
    "lock": lambda values: bool(values.get("check")),
}
"""Command -> whether it only looks, with these arguments. All others may run what the checkout says."""


def enter(context: Context, command: str, values: Mapping[str, Any]) -> Context:
    """The context in which the command may run. DevError if the checkout is another user's, or not trusted."""
    if command in FREE:
        return context
    checkout, looks = context.checkout, command in LOOKS and LOOKS[command](values)
    if context.chosen:
        render.say(terminal.shown(context.chosen, colours=False).replace("\n", "\\n"), "dim")
    if context.trust:
        os.environ[trust.VARIABLE] = str(checkout)  # also for what this command starts
    if trust.given(checkout):
        return context
    missing = "" if checkout == OWN else trust.missing(checkout)
    _check_owner(checkout, looks, trusted=not missing)
    if checkout == OWN != TOOL:
        os.environ[trust.VARIABLE] = str(checkout)  # what this command starts is not started by the launcher
    if not missing:
        return context
    return _look(context) if looks else _ask(context, command, missing)


def _check_owner(checkout: Path, looks: bool, trusted: bool) -> None:
    """Refuse what belongs to another user, as git does, also for root; with sudo its caller may look at his own."""
    caller = os.environ.get("SUDO_UID", "")
    allowed = frozenset({int(caller)} if looks and caller.isdecimal() and os.geteuid() == 0 else ())
    theirs = list(trust.foreign(checkout, allowed))
    if not theirs:
        return
    record = trust.known(checkout)
    path, uid = next(((path, uid) for path, uid in theirs if not record or uid not in record.owners), (None, 0))
    if path is None and trusted:
        return
    path, uid = (path, uid) if path else theirs[0]
    raise DevError(
        "other-owner", f"{path} belongs to {trust.user(uid)}, and you are {trust.user(os.geteuid())}",
        because="its owner could change what runs as you" if os.geteuid() else "what root writes there is in its way",
        hint=f"run ./dev as {trust.user(uid)}, or accept it: {trust.hint(checkout)}", exit=Exit.NEEDS_HUMAN,
    )  # fmt: skip


def _look(context: Context) -> Context:
    """For a command that looks: nothing of the checkout is run, and this is said once."""
    from converge import confined  # saves 1 ms of every command in a checkout that is trusted

    confined.check(context.checkout)
    confined.enter(context.checkout)
    fresh = replace(context, directory=context.checkout, trusted=False)
    fresh.loaded  # noqa: B018 - a desired state that is not valid is said first
    render.say(f"{fresh.checkout} is not trusted: nothing of it is run ({trust.hint(fresh.checkout)})", "yellow")
    return fresh


def _ask(context: Context, command: str, missing: str) -> Context:
    """For any other command: a question on a terminal, otherwise a refusal."""
    from cli.trust import describe  # saves 2 ms of every command in a checkout that is trusted
    from converge import confined

    checkout = context.checkout
    confined.check(checkout)
    loaded = replace(context, trusted=False).loaded
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise trust.refused(checkout, missing)
    render.say(f"./dev {command} runs what {checkout} says, and {missing}:", "bold")
    for line in describe(checkout, loaded):
        render.say(f"  {line}")
    if not render.ask("Trust it?"):
        raise trust.refused(checkout, "you did not agree")
    trust.keep(checkout)
    return context
