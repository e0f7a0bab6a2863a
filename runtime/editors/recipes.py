"""How a process of each kind is begun by hand or by an IDE: without hot reload, where HOST and PORT say."""

from __future__ import annotations

import os
import re
import shlex

from converge.desired import Loaded, Service
from facts.processes import MARK
from runtime.component import Component
from runtime.environment import make_private, of_component
from runtime.placements import ide

NEXT = 'exec node node_modules/next/dist/bin/next dev -H "$HOST" -p "$PORT"'
_TEMPLATE = re.compile(r"\{[a-z0-9-]+(?:\.[a-z]+)?\}")


def service(component: Component) -> Service:
    """Its entry."""
    assert isinstance(component.wants, Service)
    return component.wants


def variables(loaded: Loaded, component: Component) -> dict[str, str]:
    """What it would get natively; besides the mark of our processes, so that it can be asked to end on the way back."""
    make_private(component)
    host = ide.host(component)
    found = {**of_component(loaded, component, host=host), MARK: ide.mark(component)}
    if component.kind == "python":
        found |= {"UVICORN_HOST": host, "UVICORN_PORT": str(component.port)}
    return found


def script(component: Component) -> str:
    """What a shell runs in its directory with its environment; empty where only `./dev` could say."""
    wants = service(component)
    if wants.dev:
        filled = wants.dev.replace("{port}", "$PORT").replace("{host}", "$HOST")
        return "" if _TEMPLATE.search(filled) else filled
    if component.kind == "python":
        return f"exec python -m uvicorn {shlex.quote(wants.app)}" if wants.app else ""
    return {"go": f"exec go run {shlex.quote(wants.main)}", "next": NEXT, "node": "exec npm run dev"}.get(
        component.kind, ""
    )


def command(component: Component) -> str:
    """The whole line for a terminal in the checkout; empty where there is none."""
    words, directory = script(component), service(component).path
    if not words:
        return ""
    home = component.instance.checkout / directory
    file = os.path.relpath(component.instance.environment_file(component.name), home)
    return f"(cd {shlex.quote(directory)} && set -a && . {shlex.quote(file)} && set +a && {words})"
