"""Progress of a repair: a line when a step begins, another when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import render

if TYPE_CHECKING:
    from converge.apply import Event

MARKS = {"changed": ("✓", "green"), "manual": ("✗", "yellow"), "blocked": ("-", "dim")}


def listen(event: Event) -> None:
    """Show one event of a repair on stderr."""
    if event.kind == "begin":
        render.say(f"… {render.below(event.text)}", "dim")
    elif event.kind == "say":
        render.say(f"  {render.below(event.text)}", "dim")
    elif event.kind == "end" and event.step and event.outcome:
        outcome = event.outcome
        mark, style = MARKS.get(outcome.status, ("✗", "red"))
        what = event.step.change if outcome.status == "changed" else f"{event.step.change}: {outcome.because}"
        mark = render.style(mark, style, stream=render.talk())
        seconds = f" ({outcome.duration_s:.1f} s)" if outcome.duration_s >= 0.1 else ""
        render.say(f"{mark} {render.below(what)}{seconds}")
