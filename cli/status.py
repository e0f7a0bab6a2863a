"""`./dev status`: what runs, where, since when."""

from __future__ import annotations

from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Option
from converge.errors import Exit

STYLES = {"ready": "green", "starting": "yellow", "failed": "red", "stopped": "dim"}


def run(context: Context, json: Annotated[bool, Option("--json", help="One JSON document.")] = False) -> int:
    """Show every component: state, address, pid, uptime, restarts."""
    from runtime import platform

    states = platform.status(context.loaded, context.instance)
    if json:
        project = context.loaded.desired.project.name
        render.document({"schema": 1, "project": project, "components": [state.document() for state in states]})
    else:
        for state in states:
            since = "" if state.uptime_s is None else f"pid {state.pid}, {state.uptime_s:.0f} s"
            restarts = f", {state.restarts} restarts" if state.restarts else ""
            address = f"127.0.0.1:{state.port}" if state.port else ""
            word = render.style(f"{state.state:<9}", STYLES.get(state.state, "yellow"))
            render.out(f"{state.name:<12} {word} {address:<16} {since}{restarts}".rstrip())
            if state.reason:
                render.out(f"    {state.reason}")
    return int(Exit.OK if all(state.state == "ready" for state in states) else Exit.DRIFT)
