"""`./dev status`: what runs, where, since when."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from cli import render
from cli.context import Context
from cli.option import Option
from converge import auth
from converge.errors import Exit
from runtime import status

if TYPE_CHECKING:
    from runtime.status import Status

STYLES = {"ready": "green", "failed": "red", "unhealthy": "red", "stopped": "dim"}
MODES = {"clerk": "green", "refused": "red"}
WATCH_EVERY = 1.0
"""Seconds between two looks of --watch."""


def run(
    context: Context,
    json: Annotated[bool, Option("--json", help="One JSON document.")] = False,
    watch: Annotated[bool, Option("--watch", help="Look again every second, until Ctrl-C.")] = False,
) -> int:
    """Show every component: state, address, pid, age; and where identities come from."""

    while True:
        states, gateway = status.status(context.platform), status.gateway(context.platform)
        proxy = [gateway] if gateway else []
        identity = auth.look(context.loaded, context.instance)
        if watch:
            render.clear()
        if json:
            project = context.loaded.desired.project.name
            mode = {"mode": identity.mode, "because": identity.because} if identity else None
            rows = [state.document() for state in states]
            report = {"schema": 1, "project": project, "auth": mode, "components": rows}
            render.document(report | {"gateway": gateway.document() if gateway else None})
        else:
            for state in (*states, *proxy):
                show(state)
            if identity:
                colour = MODES.get(identity.mode, "yellow")
                render.out(f"{'auth':<12} {render.style(f'{identity.mode:<10}', colour)} {identity.because}")
        if not watch:
            return int(Exit.OK if all(state.state == "ready" for state in (*states, *proxy)) else Exit.DRIFT)
        time.sleep(WATCH_EVERY)


def show(state: Status) -> None:
    """One line, and a second one where there is a reason."""
    word = render.style(f"{state.state:<10}", STYLES.get(state.state, "yellow"))
    address = f"127.0.0.1:{state.port}" if state.port else ""
    pid = f"pid {state.pid}, " if state.pid else ""
    since = "" if state.uptime_s is None else f"{pid}{age(state.uptime_s)}"
    restarts = f", restarted {state.restarts} times" if state.restarts else ""
    render.out(f"{state.name:<12} {word} {state.placement:<7} {address:<16} {since}{restarts}".rstrip())
    if state.ports:
        render.out("    " + ", ".join(f"{name} 127.0.0.1:{port}" for name, port in state.ports.items()))
    if state.reason:
        render.out(f"    {render.below(state.reason)}")


def age(seconds: float) -> str:
    """A duration in its two largest units; never negative, as after the clock was set back."""
    seconds = max(0.0, seconds)
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {int(seconds) % 60} s" if minutes else f"{seconds:.0f} s"
