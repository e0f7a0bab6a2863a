"""Node services: run by the script `dev` and tested by the script `test` of their package.json.

Scripts are run by the program that installs the packages: npm, pnpm, yarn or bun.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import tools
from converge.installers import choice
from facts.ports import HOME
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services import plain
from runtime.services.debugger import Debugger
from runtime.services.ide import RunConfiguration

ready_timeout = plain.ready_timeout
passed: tuple[str, ...] = ()
dialect = "node"
web_front = False
GUARD = Path(__file__).with_name("guarded_inspector.py")
INNER = f"{HOME}:0"
"""Where node's inspector listens: on a port that it chooses."""
DEBUG_PORT = re.compile(r"(?<!\{)\{debug_port\}(?!\})")
OPTION = "--inspect-publish-uid=stderr"
"""Of node: the path of its inspector is written to its standard error; asked for it by HTTP, node answers with 404."""


def run(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    """Its own script reloads it; it listens where HOST and PORT say."""
    return ("/bin/sh", "-c", by_hand(component))


def by_hand(component: ServiceComponent) -> str:
    """The same script."""
    return f"exec {_runner(component)} run dev"


def environment(component: ServiceComponent, placement: str) -> Mapping[str, str]:
    """Next.js sends no telemetry, and each instance has its own build directory."""
    found = {"NEXT_TELEMETRY_DISABLED": "1"}
    if component.instance.name and placement != "docker":
        found["NEXT_DIST_DIR"] = f".next/{component.instance.name}"
    return found


native_environment = plain.native_environment
ide_environment = plain.ide_environment
path = plain.path


def test(component: ServiceComponent, report: Path | None) -> tuple[str, ...]:
    """Its own script."""
    runner = _runner(component)
    return ("npm", "test", "--silent") if runner == "npm" else (runner, "run", "test")


def leftovers(component: ServiceComponent) -> tuple[Path, ...]:
    """What was installed: in its directory, and in that of a lock file which is for several."""
    chosen = choice.of_service(component.instance.checkout, component.wants)
    places = (component.path, *((chosen.root,) if chosen else ()))
    return tuple(dict.fromkeys(place / "node_modules" for place in places))


def _runner(component: ServiceComponent) -> str:
    chosen = choice.of_service(component.instance.checkout, component.wants)
    return chosen.row.name if chosen and chosen.row.family == "node" else "npm"


def vscode(component: ServiceComponent, script: str) -> Mapping[str, Any] | None:
    """By a shell, whose child processes are debugged."""
    return (script and {
        "type": "node", "runtimeExecutable": "sh", "runtimeArgs": ["-c", script],
        "autoAttachChildProcesses": True, "skipFiles": ["<node_internals>/**"],
    }) or None  # fmt: skip


jetbrains = plain.jetbrains


def inspect(platform: Platform, number: int) -> str:
    """Node's own client of its inspector."""
    return f"{tools.executable(platform.loaded, 'node') or 'node'} inspect {HOME}:{number}"


def attach_vscode(number: int) -> dict[str, Any]:
    """To an inspector."""
    return {"type": "node", "skipFiles": ["<node_internals>/**"], "address": HOME, "port": number}


def attach_jetbrains(number: int) -> RunConfiguration:
    """To an inspector."""
    return RunConfiguration(
        "ChromiumRemoteDebugType", f'factoryName="Chromium Remote" host="{HOME}" port="{number}"'
    )  # fmt: skip


def guarded(number: int, *argv: str) -> tuple[str, ...]:
    """The command behind an inspector that only this user reaches; its own must listen on `INNER`."""
    return (sys.executable, "-I", "-S", str(GUARD), str(number), OPTION, *argv)


def _guarded_own(number: int, text: str) -> tuple[tuple[str, ...], str]:
    """A command that names its port itself stays as it is."""
    inner = DEBUG_PORT.sub("0", text)
    return (guarded(number) if inner != text else (), inner)


def _inspected(platform: Platform, component: ServiceComponent, host: str, number: int) -> tuple[str, ...]:
    """npm's node-options reach what its script runs, and not npm itself."""
    return guarded(number, "/bin/sh", "-c", f"exec npm run dev --node-options='--inspect={INNER} {OPTION}'")


debugger = Debugger(
    name="node inspector", run=_inspected, attach="Attach to Node.js/Chrome", terminal=inspect, word="--inspect",
    vscode=attach_vscode, jetbrains=attach_jetbrains, guarded=_guarded_own,
)  # fmt: skip
