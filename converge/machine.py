"""The interface through which every change is made; `local_machine.py` implements it for this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from converge.context import ConvergeContext
from facts.value import dataclass


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


class Machine(Protocol):
    """A machine one may change."""

    context: ConvergeContext

    def say(self, text: str) -> None:
        """One line of progress for the person watching."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 900,
        input: str | None = None,
        same_session: bool = False,
    ) -> Ran:
        """Run to the end in a process group of its own, which ends with us; without `cwd` in `/`.

        `env` replaces `facts.surroundings.own`. `same_session` keeps the controlling terminal, which sudo's memory of a
        password is tied to.
        """
        ...

    def pyinfra(self, operation: str, **args: Any) -> None:
        """Apply one pyinfra operation (`"apt.packages", packages=["git"], update=True`) as root, but `brew.*` as us.

        `args` are JSON values. Raises DevError `system-change` if it did not succeed. Only one runs at a time.
        """
        ...

    def write(self, path: Path, content: bytes, mode: int = 0o644, below: Path | None = None) -> None:
        """Replace the file as a whole: after a crash it is the old one or the new one.

        With `below`, the path is in that directory, and no link on the way from there is followed: DevError `bad-path`.
        """
        ...

    def make_directory(self, path: Path, mode: int = 0o755, below: Path | None = None) -> None:
        """The directory with its parents; its own permission bits are set. `below` as of `write`."""
        ...
