"""What a kind says of its debugger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converge.errors import DevError, Exit
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services.ide import RunConfiguration


@dataclass(frozen=True, kw_only=True)
class Debugger:
    """The debugger of a kind."""

    name: str
    """How it is called in messages."""
    run: Callable[[Platform, ServiceComponent, str, int], tuple[str, ...]]
    """Given the address on which the service listens and the port on 127.0.0.1 on which the debugger does: what is
    run. The service serves before anybody attaches. DevError `no-debugger` where the debugger is missing."""
    attach: str
    """How an IDE of JetBrains calls the run configuration that attaches; shown to users."""
    terminal: Callable[[Platform, int], str]
    """The command that attaches to that port without an IDE."""
    program: str = ""
    """Entry of [tools] that is a program; it is put on PATH."""
    library: str = ""
    """Entry of [tools] that is a Python package; it is put on PYTHONPATH."""
    word: str = ""
    """Word in a service's own `debug` command that tells that it uses this debugger."""
    build: Callable[[ServiceComponent], tuple[str, ...]] | None = None
    """What compiles the service for the debugger, before anything that runs is touched."""
    executable: Callable[[ServiceComponent], Path] | None = None
    """The program that the debugger starts, for a debugger that goes on after the program has ended."""
    vscode: Callable[[int], Mapping[str, Any]] | None = None
    """What an entry of launch.json that attaches says besides its name, directory and tasks."""
    jetbrains: Callable[[int], RunConfiguration] | None = None
    """The run configuration that attaches in an IDE of JetBrains."""

    @property
    def tools(self) -> tuple[str, ...]:
        """Entries of [tools] that it wants."""
        return tuple(filter(None, (self.program, self.library)))


def missing(tool: str, component: ServiceComponent) -> DevError:
    """What to raise where the debugger's tool is not there."""
    return DevError(
        "no-debugger", f"there is no {tool} to run {component.name} under", because="[tools] does not pin it",
        hint=f"add {tool} = \"…\" to [tools], then ./dev lock", exit=Exit.BAD_STATE,
    )  # fmt: skip
