"""`./dev doctor`: what this machine is, compared with what it should be, and the repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cli import render
from cli.context import Context
from cli.option import Option
from converge.errors import DevError, Exit

if TYPE_CHECKING:
    from converge.report import Report

MARKS = {"ok": ("✓", "green"), "changed": ("✓", "cyan"), "skipped": ("-", "dim"), "unknown": ("?", "yellow")}
"""Status -> sign and style; every other status is a cross."""


def run(
    context: Context,
    fix: Annotated[bool, Option("--fix", help="Repair what differs.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Consent to steps that change the whole machine.")] = False,
    allow: Annotated[list[str] | None, Option("--allow", help="Consent to one step that cannot be undone.")] = None,
    only: Annotated[list[str] | None, Option("--only", help="Look at this noun only.", metavar="NOUN")] = None,
    json: Annotated[bool, Option("--json", help="One JSON document instead of text.")] = False,
) -> int:
    """Compare this machine with desired_state.toml; with --fix, repair it."""
    from converge import cycle, operations

    for noun in only or ():
        if noun not in operations.OPERATIONS:
            raise DevError(
                "unknown-noun", f"there is no noun {noun!r}", because="they are " + ", ".join(operations.OPERATIONS),
                exit=Exit.USAGE,
            )  # fmt: skip
    if fix:
        from converge.lock import hold

        with hold(context.instance.dev / "lock", say=render.say):
            report = cycle.fix(
                context.loaded, context.instance, only or (), yes=yes, allow=allow or (), listener=render.say
            )
    else:
        report = cycle.doctor(context.loaded, context.instance, only or ())
    if json:
        render.document(report.document())
    else:
        show(report)
    return int(report.exit_code)


def show(report: Report) -> None:
    """One line per check, grouped by noun; then what would be done, and the verdict."""
    noun = ""
    for item in report.items:
        if item.noun != noun:
            noun = item.noun
            render.out(render.style(noun, "bold"))
        mark, style = MARKS.get(item.status, ("✗", "red"))
        name = item.id.partition(".")[2]
        found = item.found if item.status in ("ok", "changed", "skipped") else f"{item.found}, want {item.want}"
        render.out(f"  {render.style(mark, style)} {name:<16} {found}")
        if item.status not in MARKS:
            for label, text in (("because", item.because), ("hint:", item.hint), ("see", item.source)):
                if text:
                    render.out(f"      {label} {text}")
    steps = [item.step for item in report.items if item.step and item.status == "drift"]
    if steps and not report.acted:
        render.out(render.style("plan", "bold"))
        for step in steps:
            render.out(f"  would {step.change}")
        render.out("run ./dev doctor --fix to do it")
    fine = report.exit_code == Exit.OK
    words = f"{report.verdict}: {len(report.items) - len(report.open)} of {len(report.items)} checks are fine"
    render.out(render.style(f"{words} ({report.duration_ms} ms)", "green" if fine else "yellow"))
