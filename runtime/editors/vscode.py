"""Entries of VS Code's launch.json and tasks.json: run a service under the IDE, or attach to `./dev debug`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge.errors import DevError
from converge.operations import dependencies
from runtime import debugger
from runtime.component import ServiceComponent
from runtime.editors import recipes

ROOT = "${workspaceFolder}"
OURS = "dev: "
"""What the names of all our entries begin with."""
LAUNCHER = Path(__file__).resolve().parents[2] / "dev"
FILES = {
    "launch.json": ("configurations", {"version": "0.2.0"}),
    "tasks.json": ("tasks", {"version": "2.0.0"}),
}
"""File of `.vscode` -> the list in it, and how a new one begins."""


def ours(entry: Mapping[str, Any]) -> bool:
    """Whether the entry is one of these, not a person's."""
    return str(entry.get("name", entry.get("label", ""))).startswith(OURS)


def entries(everyone: Mapping[str, ServiceComponent]) -> dict[str, list[dict[str, Any]]]:
    """File of `.vscode` -> our entries for these services. Nothing in them is secret or of one machine."""
    launch, tasks = [], []
    for name, component in everyone.items():
        if made := _launch(component):
            launch.append(made)
        if there := attach(component):
            launch.append(_attach(component, *there))
            tasks.append(_task(component, f"debug {name}", "debug", name))
        tasks.append(_task(component, f"hand off {name}", "handoff", name))
        tasks.append(_task(component, f"give back {name}", "handoff", name, "--back"))
    return {"launch.json": launch, "tasks.json": tasks}


def launches(component: ServiceComponent) -> bool:
    """Whether the IDE can start it."""
    return _launch(component) is not None


def attach(component: ServiceComponent) -> tuple[str, int] | None:
    """Debugger and port where `./dev debug` has it listen; None where that is none an IDE knows."""
    try:
        found, port = debugger.recipe(component).debugger, debugger.port(component)
    except DevError:
        return None
    return (found, port) if found in _ATTACH else None


def _launch(component: ServiceComponent) -> dict[str, Any] | None:
    """Under the IDE: it is handed off first and given back at the end."""
    wants, directory = component.wants, _below(component.wants.path)
    script = recipes.script(component)
    if component.kind == "go":
        flags = wants.env.get("GOFLAGS")
        more: dict[str, Any] = {
            "type": "go", "mode": "debug", "program": _below(os.path.normpath(f"{wants.path}/{wants.main}")),
            **({"buildFlags": flags} if flags else {}),
        }  # fmt: skip
    elif component.kind == "python" and wants.app:
        venv = dependencies.venv(component.instance, component.name).relative_to(component.instance.checkout)
        more = {
            "type": "debugpy", "module": "uvicorn", "args": [wants.app], "python": _below(f"{venv}/bin/python"),
            "justMyCode": False, "subProcess": True,
        }  # fmt: skip
    elif component.kind in ("next", "node") and script:
        more = {
            "type": "node", "runtimeExecutable": "sh", "runtimeArgs": ["-c", script],
            "autoAttachChildProcesses": True, "skipFiles": ["<node_internals>/**"],
        }  # fmt: skip
    else:
        return None
    file = component.instance.environment_file(component.name).relative_to(component.instance.checkout)
    return {
        "name": f"{OURS}{component.name}", "request": "launch", **more, "cwd": directory, "envFile": _below(str(file)),
        "preLaunchTask": f"{OURS}hand off {component.name}", "postDebugTask": f"{OURS}give back {component.name}",
    }  # fmt: skip


_ATTACH: Mapping[str, dict[str, Any]] = {
    "delve": {"type": "go", "mode": "remote"},
    "debugpy": {"type": "debugpy", "justMyCode": False},
    "node inspector": {"type": "node", "skipFiles": ["<node_internals>/**"]},
}


def _attach(component: ServiceComponent, found: str, port: int) -> dict[str, Any]:
    at: dict[str, Any] = {"host": "127.0.0.1", "port": port}
    if found == "debugpy":
        at = {"connect": at}
    elif found == "node inspector":
        at = {"address": "127.0.0.1", "port": port}
    return {
        "name": f"{OURS}attach {component.name}", "request": "attach", **_ATTACH[found], **at,
        "cwd": _below(component.wants.path), "preLaunchTask": f"{OURS}debug {component.name}",
    }  # fmt: skip


def _task(component: ServiceComponent, label: str, *words: str) -> dict[str, Any]:
    """A run of the launcher without a terminal; what it says is shown when it fails."""
    checkout = component.instance.checkout
    there = [] if LAUNCHER.parent == checkout else ["-C", ROOT]
    return {
        "label": f"{OURS}{label}", "type": "process", "command": _below(os.path.relpath(LAUNCHER, checkout)),
        "args": [*there, *words], "problemMatcher": [],
        "presentation": {"reveal": "silent", "panel": "shared", "showReuseMessage": False},
    }  # fmt: skip


def _below(path: str) -> str:
    return ROOT if path in ("", ".") else f"{ROOT}/{path}"
