"""Next.js: a client of the platform, run by the `next` of its own node_modules."""

from __future__ import annotations

from pathlib import Path

from converge import tools
from converge.errors import DevError
from facts.value import replace
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services import node, plain

NEXT = "node_modules/next/dist/bin/next"
ready_timeout = plain.ready_timeout
passed: tuple[str, ...] = ()
dialect = "node"
web_front = True


def run(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    """Without npm, which would be a process between the shim and Next.js."""
    return (_node(platform), _script(component), "dev", "-H", host, "-p", str(component.port))


def by_hand(component: ServiceComponent) -> str:
    """The same, with the node on PATH."""
    return f'exec node {_script(component)} dev -H "$HOST" -p "$PORT"'


environment = node.environment
native_environment = plain.native_environment
ide_environment = plain.ide_environment
path = plain.path
test = node.test


def leftovers(component: ServiceComponent) -> tuple[Path, ...]:
    """What npm installed, and its builds."""
    return (*node.leftovers(component), component.path / ".next")


vscode = node.vscode
jetbrains = plain.jetbrains


def _node(platform: Platform) -> str:
    found = tools.executable(platform.loaded, "node")
    if found is None:
        raise DevError("command-missing", "there is no node", hint="add node to [tools]")
    return str(found)


def _script(component: ServiceComponent) -> str:
    """The `next` of its node_modules, or of one above, where a workspace has the packages of all its members."""
    for above in ("", *("../" * depth for depth in range(1, len(Path(component.wants.path).parts) + 1))):
        if (component.path / above / NEXT).exists():
            return f"{above}{NEXT}"
    return NEXT


def _inspected(platform: Platform, component: ServiceComponent, host: str, number: int) -> tuple[str, ...]:
    """Next's own option: it gives the inspector to the process it forks, which runs the pages. With NODE_OPTIONS the
    parent takes the port and that process the one after it (next 16, `dist/cli/next-dev.js`)."""
    program, script, dev, *rest = run(platform, component, host)
    return node.guarded(number, program, script, dev, f"--inspect={node.INNER}", *rest)


debugger = replace(node.debugger, run=_inspected)
