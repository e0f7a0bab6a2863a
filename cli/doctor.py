"""`./dev doctor`: what this machine is, compared with what it should be, and the repair."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cli import progress, render
from cli.context import Context
from cli.option import Option
from converge.errors import DevError, Exit

if TYPE_CHECKING:
    from converge.consent import Consent
    from converge.report import Report
    from converge.steps import Item, Step

MARKS = {"ok": ("✓", "green"), "changed": ("✓", "cyan"), "skipped": ("-", "dim"), "unknown": ("?", "yellow")}
"""Status -> sign and style; every other status is a cross."""


def run(
    context: Context,
    fix: Annotated[bool, Option("--fix", help="Repair what differs.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Consent to steps that change the whole machine.")] = False,
    allow: Annotated[list[str] | None, Option("--allow", help="Consent to one step that cannot be undone.")] = None,
    only: Annotated[list[str] | None, Option("--only", help="Check only this noun.", metavar="NOUN")] = None,
    json: Annotated[bool, Option("--json", help="One JSON document instead of text.")] = False,
    explain: Annotated[str | None, Option("--explain", help="What an error code means.", metavar="CODE")] = None,
    lock_timeout: Annotated[
        float | None, Option("--lock-timeout", help="Seconds to wait for another run.", metavar="SECONDS")
    ] = None,
) -> int:
    """Compare this machine with desired_state.toml; --fix repairs it."""
    if explain is not None:
        return _explain(explain)
    from converge import cycle  # saves 0 ms: --explain and --help load it for other commands
    from converge.report import refusal
    from runtime.provision import NOUNS

    try:
        if fix:
            consent = _consent(yes, allow)
            report = cycle.fix(
                context.loaded, context.instance, only, consent, progress.listen, lock_timeout, more=NOUNS
            )
        else:
            report = cycle.doctor(context.loaded, context.instance, only, NOUNS)
    except DevError as problem:
        if json:
            render.document(refusal(problem).document())
        raise
    if json:
        render.document(report.document())
    else:
        show(report)
    if report.bugs:
        render.say(f"details for a maintainer: {render.bug_file(report.bugs)}", "red")
    return int(report.exit_code)


def _explain(code: str) -> int:
    from converge.codes import CODES, explain  # saves 0.6 ms of a doctor without --explain

    if not explain(code):
        close = [name for name in CODES if code.split("-")[0] in name]
        raise DevError(
            "usage", f"there is no error code {code!r}", because=f"similar codes: {', '.join(close)}" if close else "",
            hint="the code is in brackets after `error`", exit=Exit.USAGE,
        )  # fmt: skip
    render.out(f"{render.style(code, 'bold')}: {explain(code)}")
    return int(Exit.OK)


def _consent(yes: bool, allow: list[str] | None) -> Consent:
    """Flags, and questions where a person can answer them."""
    from converge.consent import Consent  # saves 1.5 ms of a doctor without --fix

    watched = sys.stdin.isatty() and sys.stderr.isatty()
    return Consent(yes, frozenset(allow or ()), _ask if watched else None, _sudo if watched else None)


def _ask(steps: Sequence[Step]) -> bool:
    render.say("These steps change the whole machine:", "bold")
    for step in steps:
        by_hand = f"  ({step.by_hand})" if step.by_hand else ""
        render.say(f"  {render.below(step.change + by_hand)}")
    return render.ask("Take them?")


def _sudo() -> bool:
    """Ask for the password once, before anything is changed."""
    try:
        return subprocess.run(["sudo", "-v"]).returncode == 0
    except OSError:
        return False


def _found(item: Item) -> str:
    """What was found; secrets are looked for in all but the short words for what is as wanted."""
    if item.status not in ("ok", "changed", "skipped"):
        return render.below(f"{item.found}, want {item.want}")
    return render.below(item.found) if "://" in item.found else render.indented(item.found)


def show(report: Report) -> None:
    """One line per check, grouped by noun; then what would be done, and the verdict."""
    from converge.report import FINE  # saves 0 ms: as above

    noun = ""
    for item in report.items:
        if item.noun != noun:
            noun = item.noun
            render.out(render.style(noun, "bold"))
        mark, style = MARKS.get(item.status, ("✗", "red"))
        name = item.id.partition(".")[2]
        render.out(f"  {render.style(mark, style)} {name:<16} {_found(item)}")
        if item.status not in FINE:
            for label, text in (("because", item.because), ("hint:", item.hint), ("see", item.source)):
                if text:
                    render.out(f"      {label} {render.below(text)}")
    steps = [item.step for item in report.items if item.step and item.status == "drift"]
    if steps and not report.acted:
        render.out(render.style("plan", "bold"))
        for step in steps:
            render.out(f"  would {render.below(step.change)}")
        render.out("run ./dev doctor --fix to do it")
    fine = report.exit_code == Exit.OK
    words = f"{report.verdict}: {len(report.items) - len(report.open)} of {len(report.items)} checks are ok"
    render.out(render.style(f"{words} ({report.duration_ms} ms)", "green" if fine else "yellow"))
