"""Errors a user can act on: what, because, hint, and the exit code that a script sees."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes scripts rely on; 64, 65 and 75 are those of sysexits.h, 130 is the shell's for SIGINT."""

    OK = 0
    BUG = 1
    DRIFT = 2
    NOT_CONVERGED = 3
    NEEDS_HUMAN = 4
    UNKNOWN = 5
    USAGE = 64
    BAD_STATE = 65
    LOCKED = 75
    INTERRUPTED = 130


class DevError(Exception):
    """Something the user can act on; printed as `error: WHAT`, `  because WHY`, `hint: WAY OUT`.

    `code` is stable and documented in the error reference (`docs/reference/errors.md`, `./dev doctor --explain CODE`);
    `source` is the `file:line` that asked for it, where there is one.
    """

    def __init__(
        self,
        code: str,
        what: str,
        *,
        because: str = "",
        hint: str = "",
        source: str = "",
        exit: Exit = Exit.NOT_CONVERGED,
    ) -> None:
        super().__init__(what)
        self.code, self.what, self.because, self.hint, self.source, self.exit = code, what, because, hint, source, exit
