"""Which checkout a command works on if none is named: that of the nearest `desired_state.toml` upwards."""

from __future__ import annotations

import os
from pathlib import Path

from converge.errors import DevError, Exit

FILE = "desired_state.toml"


def stands(own: Path) -> tuple[Path, str]:
    """The checkout in which one stands, or the launcher's own one, and one line that says so where it is not obvious.

    Links of the current directory are resolved. DevError `no-checkout` if it was deleted, or if there is no checkout.
    """
    try:
        here = Path(os.getcwd())
    except OSError as problem:
        said = problem.strerror or str(problem)
        raise DevError(
            "no-checkout", "there is no current directory",
            because=f"it was deleted ({said})" if isinstance(problem, FileNotFoundError) else said,
            hint="cd to a directory that exists, or name a checkout with -C", exit=Exit.USAGE,
        ) from None  # fmt: skip
    found = next((each for each in (here, *here.parents) if os.path.lexists(each / FILE)), None)
    if found is None:
        if not os.path.lexists(own / FILE):
            raise DevError(
                "no-checkout", f"there is no {FILE}", because=f"neither {here} nor a directory above it has one",
                hint="cd to a repository that has one, or name its directory with -C", exit=Exit.USAGE,
            )  # fmt: skip
        return own, f"no {FILE} here or above: working on {own}"
    return found, "" if found == own else f"working on {found}"


def leave_deleted(checkout: Path) -> None:
    """Many programs fail in a current directory that was deleted: go to the checkout instead."""
    try:
        os.getcwd()
    except OSError:
        os.chdir(checkout)
