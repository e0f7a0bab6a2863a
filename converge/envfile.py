"""`.dev/env`: the values of [env] that live on this machine only, one NAME=VALUE per line, mode 0600."""

from __future__ import annotations

from pathlib import Path

from converge.instance import Instance
from facts.env import parse


def path(instance: Instance) -> Path:
    """The file; all instances of a checkout share it."""
    return instance.dev / "env"


def values(instance: Instance) -> dict[str, str]:
    """What stands in the file; nothing where there is none."""
    try:
        return parse(path(instance).read_text("utf-8"))
    except FileNotFoundError:
        return {}
