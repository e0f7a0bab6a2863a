"""Hides the secrets of the command's checkout in what is printed; they are read when a text first needs it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from converge.desired import Loaded
    from converge.instance import Instance
    from converge.redaction.redactor import Redactor


class _Hiding:
    """One command's checkout, as far as it is known by now."""

    checkout: Path | None = None
    loaded: Loaded | None = None
    instance: Instance | None = None
    redactor: Redactor | None = None


_now = _Hiding()


def of_checkout(checkout: Path) -> None:
    """From now on hide the secrets of this checkout."""
    _now.checkout, _now.redactor = checkout, None


def of_instance(instance: Instance, loaded: Loaded) -> None:
    """From now on hide the secrets that the desired state names."""
    _now.instance, _now.loaded, _now.redactor = instance, loaded, None


def text(text: str) -> str:
    """The text without known secrets and without what has the form of one."""
    return _redactor().shown(text)


def value(value: Any) -> Any:
    """The same for a JSON value."""
    return _redactor().shown_value(value)


def report(text: str) -> str:
    """A text for a maintainer: also without what stands behind a name that looks secret."""
    return _redactor().text(text)


def _redactor() -> Redactor:
    if _now.redactor is None:
        # saves 3 ms of a command that prints no text of others
        from converge.instance import Instance
        from converge.redaction import known

        instance = _now.instance or Instance(_now.checkout or Path(os.devnull), "unknown")
        _now.redactor = known.redactor(instance, _now.loaded)
    return _now.redactor
