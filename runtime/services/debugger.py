"""The debugger of a service kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from converge.errors import DevError, Exit
from facts.value import dataclass
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services.ide import RunConfiguration


@dataclass(frozen=True, kw_only=True)
class Debugger:
    """The debugger of a kind."""

    name: str
    """Its name in messages."""
    run: Callable[[Platform, ServiceComponent, str, int], tuple[str, ...]]
    """The command to run, from the address on which the service listens and the debugger's port on 127.0.0.1. The
    service serves before a client attaches. DevError `no-debugger` if the debugger is missing."""
    attach: str
    """Name of the attaching run configuration in an IDE of JetBrains; shown to users."""
    terminal: Callable[[Platform, int], str]
    """The command that attaches to that port without an IDE."""
    program: str = ""
    """Entry of [tools] that is a program; it is put on PATH."""
    library: str = ""
    """Entry of [tools] that is a Python package; it is put on PYTHONPATH."""
    word: str = ""
    """Word in a service's own `debug` command that tells that it uses this debugger."""
    guarded: Callable[[int, str], tuple[tuple[str, ...], str]] | None = None
    """From the debugger's port and a service's own `debug` command, before its templates are filled in: the words
    before it and the command that let in this user alone."""
    lacking: Callable[[Platform, ServiceComponent, str], bool] | None = None
    """Whether a service's own `debug` command runs it from places where it is not."""
    build: Callable[[ServiceComponent], tuple[str, ...]] | None = None
    """The command that compiles the service for the debugger, before a running component is changed."""
    executable: Callable[[ServiceComponent], Path] | None = None
    """The program that the debugger starts, for a debugger that keeps running after the program has ended."""
    vscode: Callable[[int], Mapping[str, Any]] | None = None
    """Keys of the launch.json entry that attaches, except its name, directory and tasks."""
    jetbrains: Callable[[int], RunConfiguration] | None = None
    """The run configuration that attaches in an IDE of JetBrains."""

    @property
    def tools(self) -> tuple[str, ...]:
        """Entries of [tools] that it needs."""
        return tuple(filter(None, (self.program, self.library)))


def missing(tool: str, component: ServiceComponent) -> DevError:
    """The error for a missing tool of the debugger."""
    return DevError(
        "no-debugger", f"there is no {tool} to run {component.name} under", because="[tools] does not pin it",
        hint=f"add {tool} = \"…\" to [tools], then ./dev lock", exit=Exit.BAD_STATE,
    )  # fmt: skip
