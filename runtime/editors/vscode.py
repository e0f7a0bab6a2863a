"""Entries of VS Code's launch.json and tasks.json: run a service under the IDE, or attach to `./dev debug`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from converge import tool
from converge.errors import DevError
from runtime import services
from runtime.component import ServiceComponent
from runtime.editors import recipes
from runtime.services import debugging
from runtime.services.debugger import Debugger
from runtime.services.ide import VSCODE_ROOT, environment_file, in_vscode

OURS = "dev: "
"""Prefix of the names of all entries of ./dev."""
FILES = {
    "launch.json": ("configurations", {"version": "0.2.0"}),
    "tasks.json": ("tasks", {"version": "2.0.0"}),
}
"""File of `.vscode` -> the key of its list, and the content of a new file."""


def ours(entry: Mapping[str, Any]) -> bool:
    """Whether the entry is of ./dev, not of the user."""
    return str(entry.get("name", entry.get("label", ""))).startswith(OURS)


def entries(components: Mapping[str, ServiceComponent]) -> dict[str, list[dict[str, Any]]]:
    """File of `.vscode` -> entries for these services, without secrets and machine-specific values."""
    launch, tasks = [], []
    for name, component in components.items():
        if made := _launch(component):
            launch.append(made)
        if (there := debugged(component)) and there[0].vscode:
            launch.append(_attach(component, there[0].vscode(there[1])))
            tasks.append(_task(component, f"debug {name}", "debug", name))
        tasks.append(_task(component, f"hand off {name}", "handoff", name))
        tasks.append(_task(component, f"give back {name}", "handoff", name, "--back"))
    return {"launch.json": launch, "tasks.json": tasks}


def launches(component: ServiceComponent) -> bool:
    """Whether the IDE can start it."""
    return _launch(component) is not None


def debugged(component: ServiceComponent) -> tuple[Debugger, int] | None:
    """Debugger and port of `./dev debug`; None if it cannot be debugged."""
    try:
        return debugging.recipe(component), debugging.port(component)
    except DevError:
        return None


def _launch(component: ServiceComponent) -> dict[str, Any] | None:
    """The entry that runs it in the IDE: it is handed off first and given back at the end."""
    more = services.kind(component).vscode(component, recipes.script(component))
    if more is None:
        return None
    directory = in_vscode(component.wants.path)
    file = in_vscode(environment_file(component))
    return {
        "name": f"{OURS}{component.name}", "request": "launch", **more, "cwd": directory, "envFile": file,
        "preLaunchTask": f"{OURS}hand off {component.name}", "postDebugTask": f"{OURS}give back {component.name}",
    }  # fmt: skip


def _attach(component: ServiceComponent, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{OURS}attach {component.name}", "request": "attach", **found,
        "cwd": in_vscode(component.wants.path), "preLaunchTask": f"{OURS}debug {component.name}",
    }  # fmt: skip


def _task(component: ServiceComponent, label: str, *words: str) -> dict[str, Any]:
    """A task that runs the launcher without a terminal; its output is shown if it fails."""
    checkout = component.instance.checkout
    launcher = tool.launcher(checkout)
    there = [] if launcher.parent == checkout else ["-C", VSCODE_ROOT]
    return {
        "label": f"{OURS}{label}", "type": "process", "command": in_vscode(os.path.relpath(launcher, checkout)),
        "args": [*there, *words], "problemMatcher": [],
        "presentation": {"reveal": "silent", "panel": "shared", "showReuseMessage": False},
    }  # fmt: skip
