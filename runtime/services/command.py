"""Any other service: it is run by the `dev` of its entry."""

from __future__ import annotations

from converge.errors import DevError, Exit
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services import plain

ready_timeout = plain.ready_timeout
passed: tuple[str, ...] = ()
dialect = "node"
web_front = False
debugger = None


def run(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    """DevError: without `dev` there is no command."""
    raise DevError(
        "no-dev-command", f"{component.name} has no command", because="kind `command` needs `dev`",
        source=platform.source(component), exit=Exit.BAD_STATE,
    )  # fmt: skip


by_hand = plain.by_hand
environment = plain.environment
native_environment = plain.native_environment
ide_environment = plain.ide_environment
path = plain.path
test = plain.test
leftovers = plain.leftovers
vscode = plain.vscode
jetbrains = plain.jetbrains
