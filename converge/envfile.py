"""`.dev/env`: the values of [env] that live on this machine only, one NAME=VALUE per line, mode 0600."""

from __future__ import annotations

from collections.abc import Mapping
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


def text(instance: Instance) -> str:
    """The file as it stands; empty where there is none."""
    try:
        return path(instance).read_text("utf-8")
    except FileNotFoundError:
        return ""


def changed(text: str, values: Mapping[str, str | None]) -> str:
    """The text with these values in the place of their old lines, or at its end; None takes a line away."""
    lines, left = [], dict(values)
    for line in text.splitlines(keepends=True):
        name = line.partition("=")[0].strip() if "=" in line and not line.lstrip().startswith("#") else ""
        if name not in values:
            lines.append(line if line.endswith("\n") else f"{line}\n")
        elif (value := left.pop(name, None)) is not None:
            lines.append(f"{name}={value}\n")
    return "".join([*lines, *(f"{name}={value}\n" for name, value in left.items() if value is not None)])
